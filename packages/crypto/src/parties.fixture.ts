/** Two devices that hold prekeys and keep records, as small as a client can be. */
import type { Address } from './address.ts';
import {
  makeIdentity,
  makeOneTimePrekeys,
  makeSignedPrekey,
  type OneTimePrekey,
  type PrekeyBundle,
  type SignedPrekey,
  verifyBundle,
} from './prekeys.ts';
import type { Provider } from './provider.ts';
import type { RatchetState } from './ratchet-state.ts';
import {
  type DecryptedMessage,
  decryptMessage,
  encryptMessage,
  type SessionDeps,
  startSession,
} from './session.ts';
import { decodeSessionRecord, encodeSessionRecord, type SessionRecord } from './session-record.ts';
import type { LocalParty, PrekeySource } from './suite.ts';
import { classicSuite } from './suite-classic.ts';

export type ClassicRecord = SessionRecord<RatchetState>;

export interface Party {
  readonly deps: SessionDeps<RatchetState>;
  readonly local: LocalParty;
  readonly signedPrekey: SignedPrekey;
  readonly oneTimePrekeys: OneTimePrekey[];
}

export const now = Date.UTC(2026, 10, 21);

export const aliceAddress: Address = {
  user: '0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a01',
  device: '0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4ad1',
};
export const bobAddress: Address = {
  user: '0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a02',
  device: '0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4ad2',
};

/** A device of a new account, with ten one-time prekeys. */
export function makeParty(provider: Provider, address: Address): Party {
  const identity = makeIdentity(provider);
  return {
    deps: { provider, suite: classicSuite },
    local: { identity, address, registrationId: 4711 },
    signedPrekey: makeSignedPrekey(provider, identity, { id: 7, suites: [1] }),
    oneTimePrekeys: makeOneTimePrekeys(provider, { firstId: 100, count: 10 }),
  };
}

/** What a server would hand out; without `oneTime` as when they have run out. */
export function bundleOf(party: Party, { oneTime = true } = {}): PrekeyBundle {
  const { id, keyPair, suites, signature } = party.signedPrekey;
  const first = party.oneTimePrekeys[0];
  return {
    identityKey: party.local.identity.publicKey,
    registrationId: party.local.registrationId,
    signedPrekey: { id, publicKey: keyPair.publicKey, suites, signature },
    oneTimePrekey:
      oneTime && first ? { id: first.id, publicKey: first.keyPair.publicKey } : undefined,
  };
}

export function prekeysOf(party: Party): PrekeySource {
  return {
    signedPrekey: (id) => (id === party.signedPrekey.id ? party.signedPrekey.keyPair : undefined),
    oneTimePrekey: (id) => party.oneTimePrekeys.find((prekey) => prekey.id === id)?.keyPair,
  };
}

/** A session of `from` towards `to`. */
export function start(from: Party, to: Party, record?: ClassicRecord): ClassicRecord {
  return startSession(from.deps, {
    local: from.local,
    remoteAddress: to.local.address,
    bundle: verifyBundle(from.deps.provider, bundleOf(to)),
    pinnedIdentity: to.local.identity.publicKey,
    record,
    now,
  });
}

export function encrypt(to: Party, record: ClassicRecord, plaintext: Uint8Array, at = now) {
  const pinnedIdentity = to.local.identity.publicKey;
  return encryptMessage(to.deps, record, { plaintext, pinnedIdentity, now: at });
}

/** Decrypts and deletes the one-time prekey that was used. */
export function decrypt(
  party: Party,
  from: Party,
  { record, message }: { record: ClassicRecord | undefined; message: Uint8Array },
): DecryptedMessage<RatchetState> {
  const decrypted = decryptMessage(party.deps, record, {
    message,
    local: party.local,
    remoteAddress: from.local.address,
    pinnedIdentity: from.local.identity.publicKey,
    prekeys: prekeysOf(party),
    now,
  });
  const used = decrypted.usedOneTimePrekeyId;
  const index = party.oneTimePrekeys.findIndex((prekey) => prekey.id === used);
  if (index >= 0) party.oneTimePrekeys.splice(index, 1);
  return decrypted;
}

/** Two devices with a session that both have used, so that neither sends a handshake any more. */
export function makeConversation(provider: Provider) {
  const alice = makeParty(provider, aliceAddress);
  const bob = makeParty(provider, bobAddress);
  const sent = encrypt(bob, start(alice, bob), new Uint8Array(1));
  const received = decrypt(bob, alice, { record: undefined, message: sent.message });
  const answer = encrypt(alice, received.record, new Uint8Array(2));
  const answered = decrypt(alice, bob, { record: sent.record, message: answer.message });
  return { alice, bob, aliceRecord: answered.record, bobRecord: answer.record };
}

/** A device in a conversation with one other, whose record passes through bytes at every step. */
export function makeChat(self: Party, other: Party, initial?: ClassicRecord) {
  let stored = initial && encodeSessionRecord(classicSuite, initial);
  const load = () => stored && decodeSessionRecord(classicSuite, stored);
  const save = (record: ClassicRecord) => {
    stored = encodeSessionRecord(classicSuite, record);
  };
  return {
    load,
    save,
    start: () => save(start(self, other, load())),
    send(value: string): Uint8Array {
      const sent = encrypt(other, load()!, new TextEncoder().encode(value));
      save(sent.record);
      return sent.message;
    },
    receive(message: Uint8Array): string {
      const received = decrypt(self, other, { record: load(), message });
      save(received.record);
      return new TextDecoder().decode(received.plaintext);
    },
  };
}

/** Two devices that have nothing of each other yet. */
export function makeChats(provider: Provider) {
  const alice = makeParty(provider, aliceAddress);
  const bob = makeParty(provider, bobAddress);
  return { alice, bob, a: makeChat(alice, bob), b: makeChat(bob, alice) };
}
