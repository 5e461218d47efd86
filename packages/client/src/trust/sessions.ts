/**
 * The encrypted sessions of this device, within one store transaction: records are read once, advanced in memory by
 * the pure functions of `@sotto/crypto`, and written once by `save`. What is not saved has not happened.
 */
import {
  type Address,
  adoptSession,
  CryptoError,
  classicSuite,
  type DecryptedMessage,
  decodeSessionRecord,
  decryptMessage,
  encodeSessionRecord,
  encryptMessage,
  initiateSession,
  type LocalParty,
  type PrekeySource,
  type Provider,
  type RatchetState,
  retireSessions,
  type Session,
  type SessionRecord,
  signingKeyPairOf,
  signingSeed,
  type VerifiedBundle,
  verifyingKey,
} from '@sotto/crypto';
import {
  Account,
  agreementKeyPair,
  IdentityRecord,
  OneTimePrekeyRecord,
  SignedPrekeyRecord,
  sameBytes,
} from '../account/records.ts';
import { ClientError } from '../errors.ts';
import { keys } from '../store/key-space.ts';
import type { Store, StoreTransaction } from '../store/store.ts';
import { entriesUnder, getRecord } from '../store/stored-record.ts';

type Record = SessionRecord<RatchetState>;

/** A session of this device that no record has yet; see {@link beginSession}. */
export type BegunSession = Session<RatchetState>;

export interface SessionsDeps {
  readonly provider: Provider;
  readonly local: LocalParty;
  readonly clock: () => number;
}

export interface Sessions {
  has(remote: Address): Promise<boolean>;
  /** Goes on with a session that was begun; the one there was, if any, stays for what is still under way. */
  start(remote: Address, session: BegunSession): Promise<void>;
  /** The ciphertext for one device, or undefined when a new session with it must be started first. */
  encrypt(
    remote: Address,
    plaintext: Uint8Array,
    pinnedIdentity: Uint8Array,
  ): Promise<Uint8Array | undefined>;
  /**
   * The plaintext of a message. Throws `CryptoError`, and nothing has changed then: `identity.changed`, too, when it came in
   * a session with another identity than the pinned one, which whoever has a lost device can go on with.
   */
  decrypt(
    remote: Address,
    message: Uint8Array,
    pinnedIdentity: Uint8Array | undefined,
  ): Promise<DecryptedMessage<RatchetState>>;
  /** Writes what changed, and deletes the one-time prekeys that were used. */
  save(): Promise<void>;
}

/** Our side of every session. Throws `account.missing` before the first log-in. */
export function loadLocalParty(store: Store, provider: Provider): Promise<LocalParty> {
  return store.transaction(async (transaction) => {
    const account = await getRecord(transaction, keys.account, Account);
    const identity = await getRecord(transaction, keys.identity, IdentityRecord);
    if (account === undefined || identity === undefined) {
      throw new ClientError('account.missing', 'nobody is logged in');
    }
    return {
      identity: signingKeyPairOf(provider, signingSeed<'identity'>(identity.seed)),
      address: { user: account.user, device: account.device },
      registrationId: identity.registrationId,
    };
  });
}

interface Beginning {
  readonly remote: Address;
  readonly bundle: VerifiedBundle;
  readonly pinnedIdentity: Uint8Array;
}

/** A session towards a device: eight agreements, so not within a transaction, for which everything else waits. */
export function beginSession(
  { provider, local, clock }: SessionsDeps,
  { remote, bundle, pinnedIdentity }: Beginning,
): BegunSession {
  const input = { local, remoteAddress: remote, bundle, now: clock() };
  const pinned = verifyingKey<'identity'>(pinnedIdentity);
  return initiateSession({ provider, suite: classicSuite }, { ...input, pinnedIdentity: pinned });
}

/** The sessions as they are in a transaction. One whose record is damaged is lost, and another one takes its place. */
export function openSessions(transaction: StoreTransaction, deps: SessionsDeps): Sessions {
  const { local, clock } = deps;
  const crypto = { provider: deps.provider, suite: classicSuite };
  const records = new Map<string, Record | undefined>();
  const changed = new Set<string>();
  const usedPrekeys = new Set<number>();

  async function read(key: string): Promise<Record | undefined> {
    if (!records.has(key)) {
      const bytes = await transaction.get(key);
      records.set(key, bytes && readSession(bytes));
    }
    return records.get(key);
  }
  function change(key: string, record: Record): void {
    records.set(key, record);
    changed.add(key);
  }

  return {
    async has(remote) {
      return (await read(keys.session(remote)))?.current !== undefined;
    },
    async start(remote, session) {
      const key = keys.session(remote);
      change(key, adoptSession(crypto, await read(key), session));
    },
    async encrypt(remote, plaintext, pinnedIdentity) {
      const key = keys.session(remote);
      const record = await read(key);
      if (record === undefined) return undefined;
      try {
        const pinned = verifyingKey<'identity'>(pinnedIdentity);
        const input = { plaintext, pinnedIdentity: pinned, now: clock() };
        const encrypted = encryptMessage(crypto, record, input);
        change(key, encrypted.record);
        return encrypted.message;
      } catch (error) {
        if (needsNewSession(error)) return undefined;
        throw error;
      }
    },
    async decrypt(remote, message, pinnedIdentity) {
      const key = keys.session(remote);
      const decrypted = decryptMessage(crypto, await read(key), {
        message,
        local,
        remoteAddress: remote,
        pinnedIdentity: pinnedIdentity && verifyingKey<'identity'>(pinnedIdentity),
        prekeys: await readNamedPrekeys(transaction, message, usedPrekeys),
        now: clock(),
      });
      if (pinnedIdentity && !sameBytes(pinnedIdentity, decrypted.remoteIdentity)) {
        throw new CryptoError('identity.changed', 'the session is with another identity');
      }
      change(key, decrypted.record);
      if (decrypted.usedOneTimePrekeyId !== undefined) {
        usedPrekeys.add(decrypted.usedOneTimePrekeyId);
      }
      return decrypted;
    },
    async save() {
      for (const key of changed) {
        await transaction.put(key, encodeSessionRecord(classicSuite, records.get(key)!));
      }
      for (const id of usedPrekeys) await transaction.delete(keys.oneTimePrekey(id));
      changed.clear();
    },
  };
}

/**
 * Keeps every session for receiving only: for a store that is behind what has left this device. The next message to
 * each device starts another one from a bundle. A record that does not decode stays as it is: nothing sends with it.
 */
export async function retireAllSessions(
  transaction: StoreTransaction,
  provider: Provider,
): Promise<void> {
  for await (const { key, value } of entriesUnder(transaction, keys.sessions())) {
    const record = readSession(value);
    if (record === undefined) continue;
    const retired = retireSessions({ provider, suite: classicSuite }, record);
    await transaction.put(key, encodeSessionRecord(classicSuite, retired));
  }
}

function readSession(value: Uint8Array): Record | undefined {
  try {
    return decodeSessionRecord(classicSuite, value);
  } catch (error) {
    if (error instanceof CryptoError) return undefined;
    throw error;
  }
}

function needsNewSession(error: unknown): boolean {
  if (!(error instanceof CryptoError)) return false;
  return error.code === 'session.none' || error.code === 'session.expired';
}

/** The prekeys that a first message names, read before it is decrypted: crypto is synchronous, stores are not. */
async function readNamedPrekeys(
  transaction: StoreTransaction,
  message: Uint8Array,
  used: ReadonlySet<number>,
): Promise<PrekeySource> {
  const facts = classicSuite.inspect(message);
  if (facts.kind !== 'first') return NO_PREKEYS;
  const signedKey = keys.signedPrekey(facts.signedPrekeyId);
  const signed = await getRecord(transaction, signedKey, SignedPrekeyRecord);
  const oneTimeId = facts.oneTimePrekeyId;
  const oneTime =
    oneTimeId === undefined || used.has(oneTimeId)
      ? undefined
      : await getRecord(transaction, keys.oneTimePrekey(oneTimeId), OneTimePrekeyRecord);
  return {
    signedPrekey: () => signed && agreementKeyPair<'signed-prekey'>(signed),
    oneTimePrekey: () => oneTime && agreementKeyPair<'one-time-prekey'>(oneTime),
  };
}

const NO_PREKEYS: PrekeySource = {
  signedPrekey: () => undefined,
  oneTimePrekey: () => undefined,
};
