/** `@signalapp/libsignal-client`: PQXDH and the Triple Ratchet, in Rust behind a native module. */
import * as signal from '@signalapp/libsignal-client';
import type { Group, Implementation, Keeping, Pair, Primitive } from '../crypto/implementation.ts';

type Bytes = Uint8Array<ArrayBuffer>;

/** Keeps records as serialised bytes or as objects, by how the benchmark asks. */
class Records<T extends { serialize(): Bytes }> {
  readonly #kept = new Map<string, Bytes | T>();
  readonly #keeping: Keeping;
  readonly #deserialize: (bytes: Bytes) => T;

  constructor(keeping: Keeping, deserialize: (bytes: Bytes) => T) {
    this.#keeping = keeping;
    this.#deserialize = deserialize;
  }

  put(name: string, record: T): void {
    this.#kept.set(name, this.#keeping === 'stored' ? record.serialize() : record);
  }

  get(name: string): T | null {
    const kept = this.#kept.get(name);
    if (kept === undefined) return null;
    return kept instanceof Uint8Array ? this.#deserialize(kept) : kept;
  }
}

class Sessions extends signal.SessionStore {
  readonly #records: Records<signal.SessionRecord>;
  constructor(keeping: Keeping) {
    super();
    this.#records = new Records(keeping, (bytes) => signal.SessionRecord.deserialize(bytes));
  }
  async saveSession(name: signal.ProtocolAddress, record: signal.SessionRecord) {
    this.#records.put(name.toString(), record);
  }
  async getSession(name: signal.ProtocolAddress) {
    return this.#records.get(name.toString());
  }
  async getExistingSessions(): Promise<signal.SessionRecord[]> {
    return [];
  }
}

class Identities extends signal.IdentityKeyStore {
  readonly #pair: signal.IdentityKeyPair;
  readonly #known = new Map<string, signal.PublicKey>();
  constructor(pair: signal.IdentityKeyPair) {
    super();
    this.#pair = pair;
  }
  async getIdentityKey() {
    return this.#pair.privateKey;
  }
  override async getIdentityKeyPair() {
    return this.#pair;
  }
  async getLocalRegistrationId() {
    return 1;
  }
  async saveIdentity(name: signal.ProtocolAddress, key: signal.PublicKey) {
    this.#known.set(name.toString(), key);
    return signal.IdentityChange.NewOrUnchanged;
  }
  async isTrustedIdentity() {
    return true;
  }
  async getIdentity(name: signal.ProtocolAddress) {
    return this.#known.get(name.toString()) ?? null;
  }
}

class OneTimePrekeys extends signal.PreKeyStore {
  readonly #records = new Map<number, signal.PreKeyRecord>();
  async savePreKey(id: number, record: signal.PreKeyRecord) {
    this.#records.set(id, record);
  }
  async getPreKey(id: number) {
    return this.#records.get(id)!;
  }
  async removePreKey(id: number) {
    this.#records.delete(id);
  }
}

class SignedPrekeys extends signal.SignedPreKeyStore {
  readonly #records = new Map<number, signal.SignedPreKeyRecord>();
  async saveSignedPreKey(id: number, record: signal.SignedPreKeyRecord) {
    this.#records.set(id, record);
  }
  async getSignedPreKey(id: number) {
    return this.#records.get(id)!;
  }
}

class KyberPrekeys extends signal.KyberPreKeyStore {
  readonly #records = new Map<number, signal.KyberPreKeyRecord>();
  async saveKyberPreKey(id: number, record: signal.KyberPreKeyRecord) {
    this.#records.set(id, record);
  }
  async getKyberPreKey(id: number) {
    return this.#records.get(id)!;
  }
  async markKyberPreKeyUsed() {}
}

class SenderKeys extends signal.SenderKeyStore {
  readonly #records: Records<signal.SenderKeyRecord>;
  constructor(keeping: Keeping) {
    super();
    this.#records = new Records(keeping, (bytes) => signal.SenderKeyRecord.deserialize(bytes));
  }
  async saveSenderKey(sender: signal.ProtocolAddress, id: string, record: signal.SenderKeyRecord) {
    this.#records.put(`${sender.toString()} ${id}`, record);
  }
  async getSenderKey(sender: signal.ProtocolAddress, id: string) {
    return this.#records.get(`${sender.toString()} ${id}`);
  }
}

interface Party {
  address: signal.ProtocolAddress;
  sessions: Sessions;
  identities: Identities;
  oneTime: OneTimePrekeys;
  signed: SignedPrekeys;
  kyber: KyberPrekeys;
  pair: signal.IdentityKeyPair;
}

function makeParty(name: string, keeping: Keeping): Party {
  const pair = signal.IdentityKeyPair.generate();
  return {
    address: signal.ProtocolAddress.new(name, 1),
    sessions: new Sessions(keeping),
    identities: new Identities(pair),
    oneTime: new OneTimePrekeys(),
    signed: new SignedPrekeys(),
    kyber: new KyberPrekeys(),
    pair,
  };
}

async function makeBundle(party: Party): Promise<signal.PreKeyBundle> {
  const oneTime = signal.PrivateKey.generate();
  const signed = signal.PrivateKey.generate();
  const kyber = signal.KEMKeyPair.generate();
  const identity = party.pair.privateKey;
  const signedSignature = identity.sign(signed.getPublicKey().serialize());
  const kyberSignature = identity.sign(kyber.getPublicKey().serialize());
  await party.oneTime.savePreKey(1, signal.PreKeyRecord.new(1, oneTime.getPublicKey(), oneTime));
  await party.signed.saveSignedPreKey(
    1,
    signal.SignedPreKeyRecord.new(1, 0, signed.getPublicKey(), signed, signedSignature),
  );
  await party.kyber.saveKyberPreKey(1, signal.KyberPreKeyRecord.new(1, 0, kyber, kyberSignature));
  return signal.PreKeyBundle.new(
    1,
    1,
    1,
    oneTime.getPublicKey(),
    1,
    signed.getPublicKey(),
    signedSignature,
    party.pair.publicKey,
    1,
    kyber.getPublicKey(),
    kyberSignature,
  );
}

interface Sealed {
  type: number;
  bytes: Bytes;
}

async function seal(from: Party, to: Party, plaintext: Uint8Array): Promise<Sealed> {
  const message = await signal.signalEncrypt(
    plaintext as Bytes,
    to.address,
    from.address,
    from.sessions,
    from.identities,
  );
  return { type: message.type(), bytes: message.serialize() };
}

function open(to: Party, from: Party, { type, bytes }: Sealed): Promise<Bytes> {
  if (type === signal.CiphertextMessageType.PreKey) {
    return signal.signalDecryptPreKey(
      signal.PreKeySignalMessage.deserialize(bytes),
      from.address,
      to.address,
      to.sessions,
      to.identities,
      to.oneTime,
      to.signed,
      to.kyber,
    );
  }
  return signal.signalDecrypt(
    signal.SignalMessage.deserialize(bytes),
    from.address,
    to.address,
    to.sessions,
    to.identities,
  );
}

async function connect(keeping: Keeping): Promise<{ alice: Party; bob: Party }> {
  const alice = makeParty('alice', keeping);
  const bob = makeParty('bob', keeping);
  const bundle = await makeBundle(bob);
  await signal.processPreKeyBundle(
    bundle,
    bob.address,
    alice.address,
    alice.sessions,
    alice.identities,
  );
  await open(bob, alice, await seal(alice, bob, new Uint8Array(64)));
  return { alice, bob };
}

async function openPair(keeping: Keeping): Promise<Pair<Sealed>> {
  const { alice, bob } = await connect(keeping);
  await open(alice, bob, await seal(bob, alice, new Uint8Array(64)));
  return {
    aliceSeals: (plaintext) => seal(alice, bob, plaintext),
    bobOpens: (message) => open(bob, alice, message),
    bobSeals: (plaintext) => seal(bob, alice, plaintext),
    aliceOpens: (message) => open(alice, bob, message),
  };
}

async function openGroup(keeping: Keeping): Promise<Group<Bytes>> {
  const sender = signal.ProtocolAddress.new('alice', 1);
  const distribution = '018f0000-0000-7000-8000-000000000000';
  const sending = new SenderKeys(keeping);
  const receiving = new SenderKeys(keeping);
  await signal.processSenderKeyDistributionMessage(
    sender,
    await signal.SenderKeyDistributionMessage.create(sender, distribution, sending),
    receiving,
  );
  return {
    seal: async (plaintext) => {
      const message = await signal.groupEncrypt(sender, distribution, sending, plaintext as Bytes);
      return message.serialize();
    },
    open: (message) => signal.groupDecrypt(sender, receiving, message),
  };
}

/** Its signatures are XEdDSA: Ed25519 over a Curve25519 key. */
function primitives(): { [name: string]: Primitive } {
  const ours = signal.PrivateKey.generate();
  const theirs = signal.PrivateKey.generate().getPublicKey();
  const message = new Uint8Array(64);
  const signature = ours.sign(message);
  const publicKey = ours.getPublicKey();
  return {
    'X25519 agreement': () => ours.agree(theirs),
    'Ed25519 signature made': () => ours.sign(message),
    'Ed25519 signature verified': () => publicKey.verify(message, signature),
  };
}

export const implementation: Implementation = {
  name: 'libsignal 0.103.0',
  setup: async () => void (await connect('stored')),
  openPair: openPair as (keeping: Keeping) => Promise<Pair>,
  openGroup: openGroup as (keeping: Keeping) => Promise<Group>,
  primitives,
};
