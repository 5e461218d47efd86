/**
 * What becomes of a store, and of what the platform is told, when the account gets another identity. Every contact is
 * warned, and the account's other devices are to be linked anew.
 */
import { getDeviceList, getIdentity, replaceIdentity, type UserId } from '@sotto/api';
import {
  type Head,
  type Identity,
  makeSignedPrekey,
  type Provider,
  SUITE_CLASSIC,
  signDeviceList,
  signingKeyPairOf,
  signingSeed,
  verifyDeviceList,
  verifyingKey,
} from '@sotto/crypto';
import { isProblem } from '../errors.ts';
import { forgetOwnChains } from '../groups/group-keys.ts';
import { keys } from '../store/key-space.ts';
import type { StoreTransaction } from '../store/store.ts';
import { getRecord, putRecord, takeNumber } from '../store/stored-record.ts';
import { loadDeviceKey } from './device-key.ts';
import type { OwnListDeps } from './own-list.ts';
import { listSignedPrekeys } from './prekeys.ts';
import { Account, HeadRecord, IdentityRecord, SignedPrekeyRecord } from './records.ts';

/**
 * For a device that was not linked: the identity that it has made replaces the account's, after {@link keepPrekeys} was
 * refused because of that one. Throws `refusal` when this device's identity has been the account's before: then it is
 * this device that was left behind, and a person decides.
 */
export async function claimIdentity(deps: OwnListDeps, refusal: unknown): Promise<void> {
  const { store, provider } = deps;
  const { identity, prekeys } = await store.transaction(async (transaction) => ({
    identity: await getRecord(transaction, keys.identity, IdentityRecord),
    prekeys: await listSignedPrekeys(transaction),
  }));
  const prekey = prekeys.at(-1);
  const wasPublished = identity?.isShared || prekeys.some(({ published }) => published);
  if (identity === undefined || prekey === undefined || wasPublished) throw refusal;
  const pair = signingKeyPairOf(provider, signingSeed<'identity'>(identity.seed));
  const { deviceList, head } = await makeSuccession(deps, pair);
  await submitReplacement(deps, { identityKey: pair.publicKey, signedPrekey: prekey, deviceList });
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
  await forgetOwnChains(transaction);
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

/** The first list of an identity, with this device alone on it, that follows on the account's as it is now. Throws what calls throw. */
export async function makeSuccession(deps: OwnListDeps, identity: Identity) {
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

/** Tells the platform. The same again changes nothing. Throws what the call throws: then it may have it all the same. */
export async function submitReplacement(
  { call, local }: OwnListDeps,
  next: { identityKey: Uint8Array; signedPrekey: SignedPrekeyRecord; deviceList: Uint8Array },
): Promise<void> {
  const { identityKey, deviceList } = next;
  const { id, publicKey, suites, signature } = next.signedPrekey;
  const signedPrekey = { id, publicKey, suites, signature };
  const { registrationId } = local;
  await call(replaceIdentity, { body: { identityKey, registrationId, signedPrekey, deviceList } });
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
