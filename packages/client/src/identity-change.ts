/**
 * Another identity for the account, made on this device: after another one was lost, or when the account was taken
 * over. Every contact is warned, and the account's other devices are to be linked anew. It is in the store, with all
 * that is said about it, before the platform hears of it, and stays there until it is known not to have been taken.
 */
import {
  getDeviceList,
  getIdentity,
  type ProblemCode,
  replaceIdentity,
  type UserId,
} from '@sotto/api';
import {
  type Head,
  type Identity,
  makeIdentity,
  makeSignedPrekey,
  type Provider,
  SUITE_CLASSIC,
  signDeviceList,
  signingKeyPairOf,
  signingSeed,
  verifyDeviceList,
  verifyingKey,
} from '@sotto/crypto';
import { loadDeviceKey } from './device-key.ts';
import { ClientError, isProblem } from './errors.ts';
import type { Events } from './events.ts';
import { LIST_ATTEMPTS_MAX } from './limits.ts';
import type { OwnListDeps } from './own-list.ts';
import {
  Account,
  decodeRecord,
  getRecord,
  HeadRecord,
  IdentityRecord,
  keys,
  NextIdentity,
  putRecord,
  SignedPrekeyRecord,
  sameBytes,
  takeNumber,
} from './records.ts';
import type { StoreTransaction } from './store.ts';

export interface IdentityChangeDeps extends OwnListDeps {
  readonly events: Events;
}

/**
 * What the platform says of an identity that it has not taken, and would say of an earlier try that is still on its way.
 * After any other failure it may have taken it, or may yet.
 */
const REFUSALS: readonly ProblemCode[] = [
  'auth.fresh-needed',
  'key.identity-missing',
  'key.key-invalid',
  'key.signature-invalid',
  'key.id-conflict',
  'key.list-invalid',
  'key.list-conflict',
];

/**
 * Gives the account a new identity, of which this is the only device so far. The client's `LocalParty` is another one
 * after it. Throws `auth.fresh-needed` when it takes a log-in with the password first, `account.compromised`, after the
 * event of this name, when the account has got another identity since the new one was made, and what calls throw: doing
 * it again goes on.
 */
export async function makeNextIdentity(deps: IdentityChangeDeps): Promise<void> {
  for (let attempt = 0; attempt < LIST_ATTEMPTS_MAX; attempt++) {
    const next = await needNext(deps);
    const outcome = await submitNext(deps, next);
    if (outcome !== 'outdated') return adoptNext(deps, next, outcome);
  }
  throw new ClientError('answer.invalid', 'the platform refuses each version of the device list');
}

/** Ends a change whose outcome is not known yet, before anything is done under either identity. True when there was one. */
export async function finishNextIdentity(deps: IdentityChangeDeps): Promise<boolean> {
  const next = await deps.store.transaction((transaction) => transaction.get(keys.nextIdentity));
  if (next === undefined) return false;
  await makeNextIdentity(deps);
  return true;
}

/**
 * For a device that was not linked: the identity that it has made replaces the account's, after {@link keepPrekeys} was
 * refused because of that one. Throws `refusal` when this device's identity has been the account's before: then it is
 * this device that was left behind, and a person decides.
 */
export async function claimIdentity(deps: OwnListDeps, refusal: unknown): Promise<void> {
  const { store, provider } = deps;
  const { identity, prekeys } = await store.transaction(async (transaction) => ({
    identity: await getRecord(transaction, keys.identity, IdentityRecord),
    prekeys: (await transaction.list({ prefix: keys.signedPrekeys, limit: 100 })).map(({ value }) =>
      decodeRecord(SignedPrekeyRecord, value),
    ),
  }));
  const prekey = prekeys.at(-1);
  const wasPublished = identity?.isShared || prekeys.some(({ published }) => published);
  if (identity === undefined || prekey === undefined || wasPublished) throw refusal;
  const pair = signingKeyPairOf(provider, signingSeed<'identity'>(identity.seed));
  const { deviceList, head } = await succeed(deps, pair);
  await replace(deps, { identityKey: pair.publicKey, signedPrekey: prekey, deviceList });
  await store.transaction(async (transaction) => {
    const record = { ...prekey, published: true, publishedAt: deps.clock() };
    await putRecord(transaction, keys.signedPrekey(record.id), [SignedPrekeyRecord, record]);
    await putRecord(transaction, keys.ownList, [HeadRecord, head]);
  });
}

/**
 * Makes an identity that this store did not have its own, within a transaction: what belonged to the one before, here
 * and on the platform, goes. Contacts, conversations and messages stay.
 */
export async function adoptIdentity(
  transaction: StoreTransaction,
  identity: IdentityRecord,
): Promise<void> {
  await forgetIdentity(transaction);
  await putRecord(transaction, keys.identity, [IdentityRecord, identity]);
  const account = await getRecord(transaction, keys.account, Account);
  if (account === undefined) return;
  await transaction.delete(keys.peer(account.user));
  // From now on there is a past that this identity has no part in.
  await putRecord(transaction, keys.account, [Account, { ...account, isFirstDevice: false }]);
}

/**
 * Forgets the identity of a store, and all that was made or learned under it. Numbers of keys only rise, and one that is
 * to be the next stays: the platform may have it.
 */
export async function forgetIdentity(transaction: StoreTransaction): Promise<void> {
  for (const prefix of [
    keys.sessions(),
    keys.signedPrekeys,
    keys.oneTimePrekeys,
    keys.unpublishedPrekeys,
  ]) {
    await deleteAll(transaction, prefix);
  }
  for (const key of [keys.identity, keys.logAlarm, keys.logOwnLeaf, keys.ownListState]) {
    await transaction.delete(key);
  }
}

/** Deletes every record whose key begins so. */
export async function deleteAll(transaction: StoreTransaction, prefix: string): Promise<void> {
  for (;;) {
    const entries = await transaction.list({ prefix, limit: 100 });
    if (entries.length === 0) return;
    for (const { key } of entries) await transaction.delete(key);
  }
}

/** The one that was begun before, or one that follows on the account's as it is now. */
async function needNext(deps: OwnListDeps): Promise<NextIdentity> {
  const { store, provider } = deps;
  const find = (transaction: StoreTransaction) =>
    getRecord(transaction, keys.nextIdentity, NextIdentity);
  const begun = await store.transaction(find);
  if (begun !== undefined) return begun;
  const identity = makeIdentity(provider);
  const succession = await succeed(deps, identity);
  return store.transaction(async (transaction) => {
    // Somebody has asked for it twice at once.
    const known = await find(transaction);
    if (known !== undefined) return known;
    const signedPrekey = await nextSignedPrekey(provider, transaction, identity);
    const next = { seed: identity.seed, signedPrekey, ...succession };
    await putRecord(transaction, keys.nextIdentity, [NextIdentity, next]);
    return next;
  });
}

/**
 * What has become of it: `taken` as it is now, `arrived` with an earlier try, when this may have been another device, or
 * `outdated` because it takes another list, after one that was signed meanwhile or for another device.
 */
type Outcome = 'taken' | 'arrived' | 'outdated';

async function submitNext(deps: IdentityChangeDeps, next: NextIdentity): Promise<Outcome> {
  const { publicKey } = signingKeyPairOf(deps.provider, signingSeed<'identity'>(next.seed));
  try {
    await replace(deps, { ...next, identityKey: publicKey });
    return 'taken';
  } catch (error) {
    if (!isProblem(error, ...REFUSALS)) throw error;
    const current = await findIdentity(deps);
    if (current && sameBytes(current, publicKey)) return 'arrived';
    await deps.store.transaction((transaction) => transaction.delete(keys.nextIdentity));
    if (current && !sameBytes(current, next.follows)) return refuseStale(deps);
    if (isProblem(error, 'key.list-conflict', 'key.list-invalid')) return 'outdated';
    throw error;
  }
}

/** What was wanted of one identity is not done to another one, which somebody has made later. */
function refuseStale({ events }: IdentityChangeDeps): never {
  events.emit('account-compromised', { cause: 'identity.changed' });
  const what = 'the account has got another identity since this one was made';
  throw new ClientError('account.compromised', what);
}

function adoptNext(
  { store, local: { registrationId }, clock }: OwnListDeps,
  { seed, signedPrekey, head }: NextIdentity,
  outcome: Exclude<Outcome, 'outdated'>,
): Promise<void> {
  return store.transaction(async (transaction) => {
    await adoptIdentity(transaction, { seed, registrationId, isShared: true });
    // What another device has published is published again.
    const isPublished = outcome === 'taken' && { published: true, publishedAt: clock() };
    const record = { ...signedPrekey, ...isPublished };
    await putRecord(transaction, keys.signedPrekey(record.id), [SignedPrekeyRecord, record]);
    await putRecord(transaction, keys.ownList, [HeadRecord, head]);
    await transaction.delete(keys.nextIdentity);
  });
}

/** The first list of an identity, with this device alone on it, that follows on the account's as it is now. */
async function succeed(deps: OwnListDeps, identity: Identity) {
  const { store, provider, clock, local } = deps;
  const { device, user } = local.address;
  const { identityKey: follows } = await deps.call(getIdentity, {
    params: { user_id: user as UserId },
  });
  const previous = await newestListHead(deps, follows);
  const { publicKey: deviceKey } = await loadDeviceKey(store, provider);
  const devices = [{ device, deviceKey, registrationId: local.registrationId }];
  const list = { user, time: clock(), devices, previous };
  const { encoded: deviceList, head } = signDeviceList(provider, identity, list);
  return { follows, deviceList, head };
}

/** Tells the platform. The same again changes nothing. */
async function replace(
  { call, local }: OwnListDeps,
  next: { identityKey: Uint8Array; signedPrekey: SignedPrekeyRecord; deviceList: Uint8Array },
): Promise<void> {
  const { identityKey, deviceList } = next;
  const { id, publicKey, suites, signature } = next.signedPrekey;
  const signedPrekey = { id, publicKey, suites, signature };
  const { registrationId } = local;
  await call(replaceIdentity, { body: { identityKey, registrationId, signedPrekey, deviceList } });
}

async function findIdentity({ call, local }: OwnListDeps): Promise<Uint8Array | undefined> {
  try {
    const params = { user_id: local.address.user as UserId };
    return (await call(getIdentity, { params })).identityKey;
  } catch (error) {
    if (isProblem(error, 'key.identity-unknown')) return undefined;
    throw error;
  }
}

/** A signed prekey under the next id of this device. */
export async function nextSignedPrekey(
  provider: Provider,
  transaction: StoreTransaction,
  identity: Identity,
): Promise<SignedPrekeyRecord> {
  const id = await takeNumber(transaction, keys.signedPrekeyIds);
  const made = makeSignedPrekey(provider, identity, { id, suites: [SUITE_CLASSIC] });
  const { suites, signature, keyPair } = made;
  return { id, ...keyPair, suites: [...suites], signature, published: false };
}

/** Of whichever identity the platform names: it is the one to be replaced, and contacts hold its lists to it. */
async function newestListHead(
  { provider, call, clock, local }: OwnListDeps,
  identityKey: Uint8Array,
): Promise<Head | undefined> {
  const { user } = local.address;
  try {
    const { list } = await call(getDeviceList, { params: { user_id: user as UserId } });
    const expected = { user, identityKey: verifyingKey<'identity'>(identityKey), now: clock() };
    return verifyDeviceList(provider, list, { ...expected, previous: undefined }).head;
  } catch (error) {
    if (isProblem(error, 'key.list-unknown')) return undefined;
    throw error;
  }
}
