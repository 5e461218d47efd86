/** `@sotto/crypto`, over either of its providers. */
import {
  type Address,
  acceptDistribution,
  classicSuite,
  decodeSenderChain,
  decodeSenderKeyRecord,
  decodeSessionRecord,
  decryptGroupMessage,
  decryptMessage,
  encodeDistribution,
  encodeSenderChain,
  encodeSenderKeyRecord,
  encodeSessionRecord,
  encryptGroupMessage,
  encryptMessage,
  type LocalParty,
  makeIdentity,
  makeOneTimePrekeys,
  makeRegistrationId,
  makeSenderChain,
  makeSignedPrekey,
  type PrekeyBundle,
  type PrekeySource,
  type Provider,
  type RatchetState,
  type SessionDeps,
  type SessionRecord,
  startSession,
  verifyBundle,
  verifySignature,
} from '@sotto/crypto';
import { encryptFile, makeFileKey } from '@sotto/crypto/files';
import type { Group, Implementation, Keeping, Pair, Primitive } from './implementation.ts';

type Record = SessionRecord<RatchetState>;

/** One side of a session, with its record kept as bytes or as an object. */
interface Side {
  seal(plaintext: Uint8Array): Uint8Array;
  open(message: Uint8Array): Uint8Array;
}

/** This library over one provider. */
export function sotto(provider: Provider): Implementation {
  return {
    name: `sotto (${provider.name})`,
    setup: () => void connect(provider, 'stored'),
    openPair: (keeping) => openPair(provider, keeping) as Pair,
    openGroup: (keeping) => openGroup(provider, keeping) as Group,
    sealFile(content) {
      const secret = { key: makeFileKey(provider), context: new Uint8Array(0) };
      encryptFile(provider, secret, content);
    },
    primitives: () => primitives(provider),
  };
}

function primitives(provider: Provider): { [name: string]: Primitive } {
  const ours = provider.randomBytes(32);
  const theirs = provider.x25519PublicKey(provider.randomBytes(32));
  const seed = provider.randomBytes(32);
  const publicKey = provider.ed25519PublicKey(seed);
  const message = new Uint8Array(64);
  const signature = provider.ed25519Sign(seed, message);
  const aead = {
    key: provider.randomBytes(32),
    nonce: provider.randomBytes(12),
    associatedData: new Uint8Array(0),
    data: new Uint8Array(1024),
  };
  return {
    'X25519 agreement': () => provider.x25519(ours, theirs),
    'Ed25519 signature made': () => provider.ed25519Sign(seed, message),
    'Ed25519 signature verified': () =>
      verifySignature(provider, { publicKey, message, signature }),
    'AEAD seal 1 KiB': () => provider.aesGcmSeal(aead),
  };
}

function openPair(provider: Provider, keeping: Keeping): Pair<Uint8Array> {
  const { alice, bob } = connect(provider, keeping);
  alice.open(bob.seal(new Uint8Array(64)));
  return { aliceSeals: alice.seal, bobOpens: bob.open, bobSeals: bob.seal, aliceOpens: alice.open };
}

function connect(provider: Provider, keeping: Keeping): { alice: Side; bob: Side } {
  const deps: SessionDeps<RatchetState> = { provider, suite: classicSuite };
  const alice = makeParty(provider, '01');
  const bob = makeParty(provider, '02');
  const { bundle, prekeys } = makeBundle(provider, bob);
  const record = startSession(deps, {
    local: alice,
    remoteAddress: bob.address,
    bundle: verifyBundle(provider, bundle),
    pinnedIdentity: undefined,
    now: 0,
  });
  const aliceSide = makeSide(deps, {
    local: alice,
    remote: bob,
    record,
    prekeys: noPrekeys,
    keeping,
  });
  const bobSide = makeSide(deps, {
    local: bob,
    remote: alice,
    record: undefined,
    prekeys,
    keeping,
  });
  bobSide.open(aliceSide.seal(new Uint8Array(64)));
  return { alice: aliceSide, bob: bobSide };
}

const noPrekeys: PrekeySource = {
  signedPrekey: () => undefined,
  oneTimePrekey: () => undefined,
};

function makeParty(provider: Provider, digits: string): LocalParty {
  return {
    identity: makeIdentity(provider),
    address: addressOf(digits),
    registrationId: makeRegistrationId(provider),
  };
}

function addressOf(digits: string): Address {
  return {
    user: `018f0000-0000-7000-8000-0000000000${digits}`,
    device: `018f0000-0000-7000-8001-0000000000${digits}`,
  };
}

function makeBundle(
  provider: Provider,
  owner: LocalParty,
): { bundle: PrekeyBundle; prekeys: PrekeySource } {
  const signed = makeSignedPrekey(provider, owner.identity, { id: 1, suites: [1] });
  const [oneTime] = makeOneTimePrekeys(provider, { firstId: 1, count: 1 });
  return {
    bundle: {
      identityKey: owner.identity.publicKey,
      registrationId: owner.registrationId,
      signedPrekey: { ...signed, publicKey: signed.keyPair.publicKey },
      oneTimePrekey: { id: 1, publicKey: oneTime!.keyPair.publicKey },
    },
    prekeys: {
      signedPrekey: () => signed.keyPair,
      oneTimePrekey: () => oneTime!.keyPair,
    },
  };
}

function makeSide(
  deps: SessionDeps<RatchetState>,
  side: {
    local: LocalParty;
    remote: LocalParty;
    record: Record | undefined;
    prekeys: PrekeySource;
    keeping: Keeping;
  },
): Side {
  const { local, remote, prekeys } = side;
  const kept = keeper(side.keeping, sessionCodec, side.record);
  return {
    seal(plaintext) {
      const { record, message } = encryptMessage(deps, kept.load()!, {
        plaintext,
        pinnedIdentity: remote.identity.publicKey,
        now: 0,
      });
      kept.save(record);
      return message;
    },
    open(message) {
      const { record, plaintext } = decryptMessage(deps, kept.load(), {
        message,
        local,
        remoteAddress: remote.address,
        pinnedIdentity: remote.identity.publicKey,
        prekeys,
        now: 0,
      });
      kept.save(record);
      return plaintext;
    },
  };
}

/** How something is written to a store and read back. */
interface Codec<T> {
  encode(value: T): Uint8Array;
  decode(bytes: Uint8Array): T;
}

/** Like a client's store: a map from a name to bytes, or to the object when it is held in memory. */
function keeper<T>(keeping: Keeping, { encode, decode }: Codec<T>, first: T | undefined) {
  const stored = new Map<string, Uint8Array>();
  let held = first;
  const save = (value: T) => {
    if (keeping === 'held') held = value;
    else stored.set('state', encode(value));
  };
  if (first !== undefined) save(first);
  const load = (): T | undefined => {
    if (keeping === 'held') return held;
    const bytes = stored.get('state');
    return bytes && decode(bytes);
  };
  return { load, save };
}

const sessionCodec: Codec<Record> = {
  encode: (record) => encodeSessionRecord(classicSuite, record),
  decode: (bytes) => decodeSessionRecord(classicSuite, bytes),
};

function openGroup(provider: Provider, keeping: Keeping): Group<Uint8Array> {
  const conversation = '018f0000-0000-7000-8000-000000000099';
  const place = { conversation, sender: addressOf('01') };
  const chain = makeSenderChain(provider);
  const distribution = encodeDistribution(chain, conversation);
  const record = acceptDistribution(provider, undefined, { distribution, conversation });
  const sending = keeper(keeping, { encode: encodeSenderChain, decode: decodeSenderChain }, chain);
  const receiving = keeper(
    keeping,
    { encode: encodeSenderKeyRecord, decode: decodeSenderKeyRecord },
    record,
  );
  return {
    seal(plaintext) {
      const sealed = encryptGroupMessage(provider, sending.load()!, { place, plaintext });
      sending.save(sealed.chain);
      return sealed.message;
    },
    open(message) {
      const opened = decryptGroupMessage(provider, receiving.load(), { place, message });
      receiving.save(opened.record);
      return opened.plaintext;
    },
  };
}
