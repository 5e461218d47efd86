/** `@matrix-org/olm`: Matrix's Olm and Megolm in WebAssembly. Its plaintexts and ciphertexts are text. */
import Olm from '@matrix-org/olm';
import type { Group, Implementation, Keeping, Pair } from '../crypto/implementation.ts';

const PICKLE_KEY = new Uint8Array(32);
const decoder = new TextDecoder('latin1');
const encoder = new TextEncoder();

interface Sealed {
  type: 0 | 1;
  body: string;
}

interface Pickled {
  pickle(key: Uint8Array): string;
  unpickle(key: Uint8Array, pickle: string): void;
  free(): void;
}

/** Runs an operation on an object that is kept as a pickle or as itself. */
function keeper<T extends Pickled>(first: T, make: () => T, keeping: Keeping) {
  if (keeping === 'held') return <R>(operation: (object: T) => R): R => operation(first);
  let kept = first.pickle(PICKLE_KEY);
  first.free();
  return <R>(operation: (object: T) => R): R => {
    const object = make();
    object.unpickle(PICKLE_KEY, kept);
    const result = operation(object);
    kept = object.pickle(PICKLE_KEY);
    object.free();
    return result;
  };
}

function connect(keeping: Keeping) {
  const alice = new Olm.Account();
  const bob = new Olm.Account();
  alice.create();
  bob.create();
  bob.generate_one_time_keys(1);
  const oneTimeKeys: { [id: string]: string } = JSON.parse(bob.one_time_keys()).curve25519;
  const outbound = new Olm.Session();
  const bobIdentity: string = JSON.parse(bob.identity_keys()).curve25519;
  outbound.create_outbound(alice, bobIdentity, Object.values(oneTimeKeys)[0]!);
  const first = outbound.encrypt(text(new Uint8Array(64)));
  const inbound = new Olm.Session();
  inbound.create_inbound(bob, first.body);
  inbound.decrypt(first.type, first.body);
  bob.remove_one_time_keys(inbound);
  alice.free();
  bob.free();
  const make = () => new Olm.Session();
  return { alice: keeper(outbound, make, keeping), bob: keeper(inbound, make, keeping) };
}

function openPair(keeping: Keeping): Pair<Sealed> {
  const { alice, bob } = connect(keeping);
  const seal = (side: typeof alice) => (plaintext: Uint8Array) =>
    side((session) => session.encrypt(text(plaintext)));
  const open = (side: typeof alice) => (message: Sealed) =>
    side((session) => encoder.encode(session.decrypt(message.type, message.body)));
  open(alice)(seal(bob)(new Uint8Array(64)));
  return {
    aliceSeals: seal(alice),
    bobOpens: open(bob),
    bobSeals: seal(bob),
    aliceOpens: open(alice),
  };
}

function openGroup(keeping: Keeping): Group<string> {
  const outbound = new Olm.OutboundGroupSession();
  outbound.create();
  const inbound = new Olm.InboundGroupSession();
  inbound.create(outbound.session_key());
  const sender = keeper(outbound, () => new Olm.OutboundGroupSession(), keeping);
  const receiver = keeper(inbound, () => new Olm.InboundGroupSession(), keeping);
  return {
    seal: (plaintext) => sender((session) => session.encrypt(text(plaintext))),
    open: (message) => receiver((session) => encoder.encode(session.decrypt(message).plaintext)),
  };
}

function text(plaintext: Uint8Array): string {
  return decoder.decode(plaintext);
}

await Olm.init();

export const implementation: Implementation = {
  name: 'olm 3.2.15',
  setup: () => void connect('stored'),
  openPair: (keeping) => openPair(keeping) as Pair,
  openGroup: (keeping) => openGroup(keeping) as Group,
};
