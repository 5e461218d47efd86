/**
 * Another identity for the account, made on this device: after another one was lost, or when the account was taken
 * over. Every contact is warned, and the account's other devices are to be linked anew. Made and kept before the
 * platform hears of it, so a crash at any point goes on with the same identity.
 */
import { ApiError, getDeviceList, getIdentity, replaceIdentity, type UserId } from '@sotto/api';
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
import { isProblem } from './errors.ts';
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

/**
 * Gives the account a new identity, of which this is the only device so far. The client's `LocalParty` is another one
 * after it. Throws `auth.fresh-needed` when neither a password nor the device key has shown lately who asks, and what
 * calls throw: doing it again goes on.
 */
export async function makeNextIdentity(deps: OwnListDeps): Promise<void> {
  const next = await needNext(deps);
  const identity = signingKeyPairOf(deps.provider, signingSeed<'identity'>(next.seed));
  const head = await submitIdentity(deps, identity, next.signedPrekey).catch(async (error) => {
    // A plain refusal says that nothing has happened; everything else leaves that open.
    if (error instanceof ApiError && error.status < 500) await forgetNext(deps);
    throw error;
  });
  await deps.store.transaction(async (transaction) => {
    const before = await getRecord(transaction, keys.identity, IdentityRecord);
    const { registrationId } = deps.local;
    await adoptIdentity(transaction, { ...before, seed: next.seed, registrationId });
    const record = { ...next.signedPrekey, published: true, publishedAt: deps.clock() };
    await putRecord(transaction, keys.signedPrekey(record.id), [SignedPrekeyRecord, record]);
    await putRecord(transaction, keys.ownList, [HeadRecord, head]);
    await transaction.delete(keys.nextIdentity);
  });
}

/** Ends a change whose outcome is not known yet, before anything is done under either identity. True when there was one. */
export async function finishNextIdentity(deps: OwnListDeps): Promise<boolean> {
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
  const head = await submitIdentity(deps, pair, prekey);
  await store.transaction(async (transaction) => {
    const record = { ...prekey, published: true, publishedAt: deps.clock() };
    await putRecord(transaction, keys.signedPrekey(record.id), [SignedPrekeyRecord, record]);
    await putRecord(transaction, keys.ownList, [HeadRecord, head]);
  });
}

/**
 * Tells the platform of an identity that follows on the one it has, whosever that is, with this device alone on the
 * list. Nothing when it has it already.
 */
export async function submitIdentity(
  deps: OwnListDeps,
  identity: Identity,
  prekey: SignedPrekeyRecord,
): Promise<Head> {
  const { provider, call, clock, local } = deps;
  const user = local.address.user as UserId;
  const { identityKey } = await call(getIdentity, { params: { user_id: user } });
  const previous = await newestListHead(deps, identityKey);
  if (previous && sameBytes(identityKey, identity.publicKey)) return previous;
  const { publicKey: deviceKey } = await loadDeviceKey(deps.store, deps.provider);
  const { registrationId } = local;
  const entry = { device: local.address.device, deviceKey, registrationId };
  const { encoded, head } = signDeviceList(provider, identity, {
    ...{ user, time: clock(), devices: [entry], previous },
  });
  const { id, publicKey, suites, signature } = prekey;
  await call(replaceIdentity, {
    body: {
      ...{ identityKey: identity.publicKey, registrationId, deviceList: encoded },
      signedPrekey: { id, publicKey, suites, signature },
    },
  });
  return head;
}

/**
 * Makes an identity that this store did not have its own, within a transaction: what belonged to the one before, here
 * and on the platform, goes. Contacts, conversations and messages stay.
 */
export async function adoptIdentity(
  transaction: StoreTransaction,
  identity: IdentityRecord,
): Promise<void> {
  await putRecord(transaction, keys.identity, [IdentityRecord, identity]);
  for (const prefix of [
    keys.sessions(),
    keys.signedPrekeys,
    keys.oneTimePrekeys,
    keys.unpublishedPrekeys,
  ]) {
    await deleteAll(transaction, prefix);
  }
  for (const key of [keys.logAlarm, keys.logOwnLeaf, keys.ownListState])
    await transaction.delete(key);
  const account = await getRecord(transaction, keys.account, Account);
  if (account === undefined) return;
  await transaction.delete(keys.peer(account.user));
  // From now on there is a past that this identity has no part in.
  await putRecord(transaction, keys.account, [Account, { ...account, isFirstDevice: false }]);
}

async function deleteAll(transaction: StoreTransaction, prefix: string): Promise<void> {
  for (;;) {
    const entries = await transaction.list({ prefix, limit: 100 });
    if (entries.length === 0) return;
    for (const { key } of entries) await transaction.delete(key);
  }
}

function forgetNext({ store }: OwnListDeps): Promise<void> {
  return store.transaction((transaction) => transaction.delete(keys.nextIdentity));
}

function needNext({ store, provider }: OwnListDeps): Promise<NextIdentity> {
  return store.transaction(async (transaction) => {
    const known = await getRecord(transaction, keys.nextIdentity, NextIdentity);
    if (known !== undefined) return known;
    const identity = makeIdentity(provider);
    const signedPrekey = await nextSignedPrekey(provider, transaction, identity);
    const next = { seed: identity.seed, signedPrekey };
    await putRecord(transaction, keys.nextIdentity, [NextIdentity, next]);
    return next;
  });
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
