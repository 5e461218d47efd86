/**
 * The key log as its users check it (DESIGN 3): the newest leaf of this account is ours, a contact's is of the identity
 * that we encrypt for, and every tree that the platform shows continues the largest one seen.
 *
 * When the log is out of reach: nothing is sent before our own leaf was seen once, and nothing to a contact before its
 * identity was found in the log once. After that, sending goes on to the identities found, and the log is asked again
 * at the next start, and when a contact names a leaf that we have not seen. So a platform that withholds the log can
 * keep new contacts from us, and cannot put itself between us and the ones we have.
 */
import { ApiError, getIdentity, getKeyLogAccount, getKeyLogKeys, type UserId } from '@sotto/api';
import { CryptoError, type LocalParty, type Provider } from '@sotto/crypto';
import { Account, Peer, sameBytes } from '../account/records.ts';
import type { Call } from '../connection/call.ts';
import { ClientError, ConnectionError } from '../errors.ts';
import type { Events } from '../events.ts';
import { keys } from '../store/key-space.ts';
import type { Store, StoreTransaction } from '../store/store.ts';
import { getRecord, putRecord } from '../store/stored-record.ts';
import {
  type IdentityVersions,
  identitiesIn,
  type VerifiedTree,
  verifyContactLeaves,
  verifyOwnLeaves,
  verifyTree,
} from './log-answer.ts';
import {
  alarmError,
  assertNoAlarm,
  ContactLeaf,
  LogAlarm,
  LogPin,
  OwnLeaf,
  SeenTree,
  standingOf,
} from './log-standing.ts';
import { noteNotice } from './notices.ts';

export interface KeyLogDeps {
  readonly store: Store;
  readonly provider: Provider;
  readonly call: Call;
  readonly events: Events;
  readonly local: LocalParty;
  /** Ed25519 keys of witnesses that the application trusts; each must have signed what we believe. */
  readonly witnesses: readonly Uint8Array[];
  readonly clock: () => number;
}

/** A contact, and the identity that we encrypt for. */
export interface Contact {
  readonly user: UserId;
  readonly identityKey: Uint8Array;
}

/** Asks the log one question after the other, each at most once per need. */
export interface KeyLog {
  /**
   * Resolves once our own leaf was checked in this run, or was in an earlier one and the log is out of reach. Throws
   * `account.compromised` and `key-log.broken`, after events of these names, and what calls throw.
   */
  needOwn(): Promise<void>;
  /**
   * Resolves once a contact's identity was found in the log. Throws `key-log.broken` and `identity.changed`, after
   * events of these names, and what calls throw.
   */
  needContact(contact: Contact): Promise<void>;
  /**
   * All identities that an account has had, as the log has them: none for one without leaves. Throws what calls throw,
   * and `CryptoError` when the leaves are no chain.
   */
  identitiesOf(user: UserId): Promise<IdentityVersions>;
  /** The platform says that our identity has changed: the next {@link needOwn} looks again. */
  doubtOwn(): void;
}

/** The key log of one platform, for the account in a store. */
export function createKeyLog(deps: KeyLogDeps): KeyLog {
  let tail: Promise<unknown> = Promise.resolve();
  let own: Promise<void> | undefined;

  /** One at a time: two answers at once could each be the smaller tree for the other. */
  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const done = tail.then(work);
    tail = done.catch(() => {});
    return done;
  }

  return {
    needOwn() {
      own ??= inTurn(() => checkOwn(deps)).catch((error) => {
        own = undefined;
        throw error;
      });
      return own;
    },
    needContact: (contact) => inTurn(() => checkContact(deps, contact)),
    identitiesOf: (user) => inTurn(() => readIdentities(deps, user)),
    doubtOwn() {
      own = undefined;
    },
  };
}

async function checkOwn(deps: KeyLogDeps): Promise<void> {
  const { store, provider, local, events } = deps;
  const { alarm, known, isFirst } = await store.transaction(async (transaction) => {
    const account = await getRecord(transaction, keys.account, Account);
    const leaf = await getRecord(transaction, keys.logOwnLeaf, OwnLeaf);
    return {
      known: leaf,
      alarm: await getRecord(transaction, keys.logAlarm, LogAlarm),
      isFirst: account?.isFirstDevice === true,
    };
  });
  // Said again at each start until somebody has decided.
  if (alarm !== undefined) await raise(deps, alarm.code, alarm.cause);
  const user = local.address.user as UserId;
  const identityKey = local.identity.publicKey;
  try {
    const { pin, verified, leaves } = await ask(deps, user, known?.head.version);
    const own = { pin, user, identityKey, known, isFirst };
    const head = await raiseOf(deps, 'account.compromised', () =>
      verifyOwnLeaves(provider, leaves, own),
    );
    await keep(deps, verified, (transaction) =>
      putRecord(transaction, keys.logOwnLeaf, [OwnLeaf, { identityKey, head }]),
    );
  } catch (error) {
    if (isUnknown(error) && known) await raise(deps, 'key-log.broken', 'head.rolled-back');
    if (!isOutOfReach(error) || known === undefined) throw error;
    events.emit('trouble', { error });
  }
}

async function checkContact(deps: KeyLogDeps, { user, identityKey }: Contact): Promise<void> {
  const { store, provider, events } = deps;
  const { known, standing } = await store.transaction(async (transaction) => {
    await assertNoAlarm(transaction);
    return {
      standing: await standingOf(transaction, user, identityKey),
      known: (await getRecord(transaction, keys.logLeaf(user), ContactLeaf)) ?? {},
    };
  });
  if (standing === 'proven') return;
  try {
    const { pin, verified, leaves } = await ask(deps, user, known.head?.version);
    const contact = { pin, user, identityKey, known };
    const head = verifyContactLeaves(provider, leaves, contact);
    await keep(deps, verified, (transaction) => putLeaf(transaction, user, { identityKey, head }));
  } catch (error) {
    if (error instanceof CryptoError) await accuse(deps, { user, identityKey, error });
    if (isUnknown(error) && known.head) await breakWith(deps, user, 'head.rolled-back');
    if (!isOutOfReach(error) || standing === 'unproven') throw error;
    // Asked once for this claim; the next message that makes it asks again.
    const { claimed: _, ...rest } = known;
    await store.transaction((transaction) => putLeaf(transaction, user, rest));
    events.emit('trouble', { error });
  }
}

async function readIdentities(deps: KeyLogDeps, user: UserId): Promise<IdentityVersions> {
  try {
    const { pin, verified, leaves } = await ask(deps, user);
    const identities = identitiesIn(deps.provider, leaves, { pin, user });
    await keep(deps, verified, async () => {});
    return identities;
  } catch (error) {
    if (isUnknown(error)) return { newest: 0, versionOf: () => undefined };
    throw error;
  }
}

/** An account's leaves from a version on, proven to be in a tree that continues the largest one seen. */
async function ask(deps: KeyLogDeps, user: UserId, from = 1) {
  const { store, provider, call, witnesses, clock } = deps;
  const pin = await needPin(deps);
  const seen = await store.transaction((transaction) =>
    getRecord(transaction, keys.logTree, SeenTree),
  );
  const query = { from, ...(seen && { seen: seen.size }) };
  const answer = await call(getKeyLogAccount, { params: { user_id: user }, query });
  const verified = await raiseOf(deps, 'key-log.broken', () =>
    verifyTree(provider, answer, { pin, seen, witnesses, now: clock() }),
  );
  return { pin, verified, leaves: answer.leaves };
}

/** Keeps the tree with what was found in it, and tells of a restore that it follows on. */
async function keep(
  { store, events }: KeyLogDeps,
  { tree, restored }: VerifiedTree,
  put: (transaction: StoreTransaction) => Promise<void>,
): Promise<void> {
  await store.transaction(async (transaction) => {
    await putRecord(transaction, keys.logTree, [SeenTree, tree]);
    await put(transaction);
    if (restored !== undefined) {
      await noteNotice(transaction, { kind: 'key-log-restored', time: restored.time });
    }
  });
  if (restored === undefined) return;
  const { incarnation, time } = restored;
  events.emit('key-log-restored', { incarnation, time });
}

/** The log's keys, learned once: from the first answer, or from the device that linked this one. */
async function needPin({ store, call }: KeyLogDeps): Promise<LogPin> {
  const known = await store.transaction((transaction) =>
    getRecord(transaction, keys.logPin, LogPin),
  );
  if (known !== undefined) return known;
  const { logKey, blindingKey } = await call(getKeyLogKeys, {});
  const pin = { logKey, blindingKey };
  await store.transaction((transaction) => putRecord(transaction, keys.logPin, [LogPin, pin]));
  return pin;
}

/** Runs a check; what it finds wrong stops all sending. */
async function raiseOf<T>(deps: KeyLogDeps, code: LogAlarm['code'], check: () => T): Promise<T> {
  try {
    return check();
  } catch (error) {
    if (!(error instanceof CryptoError)) throw error;
    return raise(deps, code, error.code);
  }
}

async function raise(
  { store, events }: KeyLogDeps,
  code: LogAlarm['code'],
  cause: string,
): Promise<never> {
  await store.transaction((transaction) =>
    putRecord(transaction, keys.logAlarm, [LogAlarm, { code, cause }]),
  );
  if (code === 'account.compromised') events.emit('account-compromised', { cause });
  else events.emit('key-log-broken', { cause });
  throw alarmError({ code, cause });
}

interface Accusation extends Contact {
  readonly error: CryptoError;
}

/**
 * What the log says of a contact does not fit. When the platform hands out another identity by now, the contact has
 * changed it; else it hands out one that is not in the log.
 */
async function accuse(deps: KeyLogDeps, { user, identityKey, error }: Accusation): Promise<never> {
  const { store, call, events } = deps;
  if (error.code !== 'identity.changed') return breakWith(deps, user, error.code);
  const current = await call(getIdentity, { params: { user_id: user } });
  if (sameBytes(current.identityKey, identityKey)) return breakWith(deps, user, error.code);
  await store.transaction(async (transaction) => {
    const peer = await getRecord(transaction, keys.peer(user), Peer);
    const changedTo = current.identityKey;
    if (peer) await putRecord(transaction, keys.peer(user), [Peer, { ...peer, changedTo }]);
  });
  events.emit('identity-changed', { user });
  throw new ClientError('identity.changed', 'a contact has another identity key than before');
}

/** Nothing is sent to this contact any more. */
async function breakWith(
  { store, events }: KeyLogDeps,
  user: UserId,
  cause: string,
): Promise<never> {
  await store.transaction(async (transaction) => {
    const leaf = (await getRecord(transaction, keys.logLeaf(user), ContactLeaf)) ?? {};
    await putLeaf(transaction, user, { ...leaf, broken: cause });
  });
  events.emit('key-log-broken', { user, cause });
  throw alarmError({ code: 'key-log.broken', cause });
}

function putLeaf(transaction: StoreTransaction, user: UserId, leaf: ContactLeaf): Promise<void> {
  return putRecord(transaction, keys.logLeaf(user), [ContactLeaf, leaf]);
}

function isUnknown(error: unknown): boolean {
  return error instanceof ApiError && error.code === 'key.log-unknown';
}

/** Whether the log may answer another time. */
function isOutOfReach(error: unknown): boolean {
  if (error instanceof ClientError) {
    return error.code === 'key-log.unwitnessed' || error.code === 'answer.invalid';
  }
  return error instanceof ConnectionError || error instanceof ApiError;
}
