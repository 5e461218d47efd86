/** `@wireapp/proteus`: Wire's Axolotl ratchet over libsodium in WebAssembly. No groups of its own. */
import * as proteus from '@wireapp/proteus';
import type { Implementation, Keeping, Pair } from '../crypto/implementation.ts';

const { IdentityKeyPair, PreKey, PreKeyBundle } = proteus.keys;
const { Envelope } = proteus.message;
const { Session } = proteus.session;

class Prekeys {
  readonly #prekeys = new Map<number, proteus.keys.PreKey>();
  add(prekey: proteus.keys.PreKey): void {
    this.#prekeys.set(prekey.key_id, prekey);
  }
  async load_prekey(id: number) {
    return this.#prekeys.get(id);
  }
  async delete_prekey(id: number) {
    this.#prekeys.delete(id);
    return id;
  }
}

/** One side: a session kept as bytes or as an object. */
interface Side {
  seal(plaintext: Uint8Array): ArrayBuffer;
  open(message: ArrayBuffer): Promise<Uint8Array>;
}

function makeSide(
  identity: proteus.keys.IdentityKeyPair,
  prekeys: Prekeys,
  first: proteus.session.Session,
  keeping: Keeping,
): Side {
  let kept: ArrayBuffer | proteus.session.Session = first;
  const load = () => (kept instanceof ArrayBuffer ? Session.deserialise(identity, kept) : kept);
  const keep = (session: proteus.session.Session) => {
    kept = keeping === 'stored' ? session.serialise() : session;
  };
  keep(first);
  return {
    seal(plaintext) {
      const session = load();
      const envelope = Session.encrypt(session, plaintext);
      keep(session);
      return envelope.serialise();
    },
    async open(message) {
      const session = load();
      const plaintext = await session.decrypt(prekeys, Envelope.deserialise(message));
      keep(session);
      return plaintext;
    },
  };
}

async function connect(keeping: Keeping): Promise<{ alice: Side; bob: Side }> {
  await proteus.init();
  const aliceIdentity = new IdentityKeyPair();
  const bobIdentity = new IdentityKeyPair();
  const bobPrekeys = new Prekeys();
  const prekey = new PreKey(1);
  bobPrekeys.add(prekey);
  // Through bytes, as over a network: proteus wipes a used prekey, and a shared object with it.
  const bundle = PreKeyBundle.deserialise(PreKeyBundle.signed(bobIdentity, prekey).serialise());
  bundle.verify();
  const outbound = Session.init_from_prekey(aliceIdentity, bundle);
  const alice = makeSide(aliceIdentity, new Prekeys(), outbound, keeping);
  const first = Envelope.deserialise(alice.seal(new Uint8Array(64)));
  const [inbound] = await Session.init_from_message(bobIdentity, bobPrekeys, first);
  return { alice, bob: makeSide(bobIdentity, bobPrekeys, inbound, keeping) };
}

async function openPair(keeping: Keeping): Promise<Pair<ArrayBuffer>> {
  const { alice, bob } = await connect(keeping);
  await alice.open(bob.seal(new Uint8Array(64)));
  return {
    aliceSeals: alice.seal,
    bobOpens: bob.open,
    bobSeals: bob.seal,
    aliceOpens: alice.open,
  };
}

export const implementation: Implementation = {
  name: 'proteus 9.13.0',
  setup: async () => void (await connect('stored')),
  openPair: openPair as (keeping: Keeping) => Promise<Pair>,
};
