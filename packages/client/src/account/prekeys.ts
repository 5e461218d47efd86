/**
 * This device's keys. Every secret is in the store before its public half leaves, and counts as published only once
 * the platform has answered: a crash at any point repeats an upload, and never loses a key that somebody was given.
 */
import {
  countPrekeys,
  publishIdentity,
  publishOneTimePrekeys,
  publishSignedPrekey,
} from '@sotto/api';
import {
  type Identity,
  makeIdentity,
  makeOneTimePrekeys,
  makeRegistrationId,
  makeSignedPrekey,
  type Provider,
  SUITE_CLASSIC,
  signingKeyPairOf,
  signingSeed,
} from '@sotto/crypto';
import type { Call } from '../connection/call.ts';
import { ONE_TIME_PREKEYS_BATCH, ONE_TIME_PREKEYS_LOW, SIGNED_PREKEY_MS } from '../limits.ts';
import { keys } from '../store/key-space.ts';
import type { Store, StoreTransaction } from '../store/store.ts';
import {
  decodeRecord,
  entriesUnder,
  getRecord,
  putRecord,
  takeNumber,
} from '../store/stored-record.ts';
import { forgetUnusable } from './prekey-retention.ts';
import { IdentityRecord, OneTimePrekeyRecord, SignedPrekeyRecord } from './records.ts';

export interface PrekeyDeps {
  readonly store: Store;
  readonly provider: Provider;
  readonly call: Call;
  readonly clock: () => number;
}

/**
 * Publishes what is not known to be published, refills what runs low, replaces a signed prekey of a week ago and
 * deletes what nobody can use any more. Safe to repeat at any time.
 */
export async function keepPrekeys(deps: PrekeyDeps): Promise<void> {
  await deps.store.transaction((transaction) => rotate(deps, transaction));
  await publishLongTermKeys(deps);
  await publishPending(deps);
  const { oneTimePrekeys, signedPrekeyOld } = await deps.call(countPrekeys, {});
  await deps.store.transaction(async (transaction) => {
    const signed = await listSignedPrekeys(transaction);
    await forgetUnusable(transaction, { signed, waiting: oneTimePrekeys, now: deps.clock() });
  });
  if (signedPrekeyOld) await renewSignedPrekey(deps);
  if (oneTimePrekeys < ONE_TIME_PREKEYS_LOW) await refill(deps, oneTimePrekeys);
}

/** Makes this device's next signed prekey and publishes it. */
export async function renewSignedPrekey(deps: PrekeyDeps): Promise<void> {
  await deps.store.transaction(async (transaction) => {
    const identity = await needIdentity(deps.provider, transaction);
    await makeNextSignedPrekey(deps.provider, transaction, identity);
  });
  await publishLongTermKeys(deps);
}

/** Makes one-time prekeys until a full stock waits on the platform, one at least, and publishes them. */
export async function refill(deps: PrekeyDeps, waiting: number): Promise<void> {
  const count = Math.max(1, ONE_TIME_PREKEYS_BATCH - waiting);
  await deps.store.transaction((transaction) =>
    makeOneTimeBatch(deps.provider, transaction, count),
  );
  await publishPending(deps);
}

/** Makes whatever the store of an account lacks: an identity, a signed prekey, one-time prekeys. */
export function makeFirstKeys(store: Store, provider: Provider): Promise<void> {
  return store.transaction(async (transaction) => {
    if ((await transaction.get(keys.account)) === undefined) return;
    const identity = await needIdentity(provider, transaction);
    if ((await transaction.get(keys.signedPrekeyIds)) === undefined) {
      await makeNextSignedPrekey(provider, transaction, identity);
    }
    if ((await transaction.get(keys.oneTimePrekeyIds)) === undefined) {
      await makeOneTimeBatch(provider, transaction);
    }
  });
}

async function needIdentity(provider: Provider, transaction: StoreTransaction): Promise<Identity> {
  const known = await getRecord(transaction, keys.identity, IdentityRecord);
  if (known !== undefined) return signingKeyPairOf(provider, signingSeed<'identity'>(known.seed));
  const identity = makeIdentity(provider);
  const record = { seed: identity.seed, registrationId: makeRegistrationId(provider) };
  await putRecord(transaction, keys.identity, [IdentityRecord, record]);
  return identity;
}

async function makeNextSignedPrekey(
  provider: Provider,
  transaction: StoreTransaction,
  identity: Identity,
): Promise<void> {
  const id = await takeNumber(transaction, keys.signedPrekeyIds);
  const made = makeSignedPrekey(provider, identity, { id, suites: [SUITE_CLASSIC] });
  const { suites, signature } = made;
  const record = { id, ...made.keyPair, suites: [...suites], signature, published: false };
  await putRecord(transaction, keys.signedPrekey(id), [SignedPrekeyRecord, record]);
}

async function makeOneTimeBatch(
  provider: Provider,
  transaction: StoreTransaction,
  count = ONE_TIME_PREKEYS_BATCH,
): Promise<void> {
  const firstId = await takeNumber(transaction, keys.oneTimePrekeyIds, count);
  for (const { id, keyPair } of makeOneTimePrekeys(provider, { firstId, count })) {
    const record = { id, ...keyPair };
    await putRecord(transaction, keys.oneTimePrekey(id), [OneTimePrekeyRecord, record]);
    await transaction.put(keys.unpublishedPrekey(id), new Uint8Array());
  }
}

/** The next signed prekey, once the newest was out for a week. */
async function rotate(
  { provider, clock }: PrekeyDeps,
  transaction: StoreTransaction,
): Promise<void> {
  const newest = (await listSignedPrekeys(transaction)).at(-1);
  if (newest?.published && clock() - (newest.publishedAt ?? 0) > SIGNED_PREKEY_MS) {
    await makeNextSignedPrekey(provider, transaction, await needIdentity(provider, transaction));
  }
}

/** This device's signed prekeys, the newest last. */
export async function listSignedPrekeys(
  transaction: StoreTransaction,
): Promise<SignedPrekeyRecord[]> {
  const entries = await Array.fromAsync(entriesUnder(transaction, keys.signedPrekeys));
  return entries.map(({ value }) => decodeRecord(SignedPrekeyRecord, value));
}

async function publishLongTermKeys(deps: PrekeyDeps): Promise<void> {
  const { store, provider, call, clock } = deps;
  const { identity, signed } = await store.transaction(async (transaction) => ({
    identity: await getRecord(transaction, keys.identity, IdentityRecord),
    signed: await listSignedPrekeys(transaction),
  }));
  const pending = signed.filter((record) => !record.published);
  if (identity === undefined || pending.length === 0) return;
  const { publicKey: identityKey } = signingKeyPairOf(provider, signingSeed(identity.seed));
  await call(publishIdentity, {
    body: { identityKey, registrationId: identity.registrationId },
  });
  for (const record of pending) {
    const { id, publicKey, suites, signature } = record;
    const body = { id, publicKey, suites, signature };
    const answer = await call(publishSignedPrekey, { body });
    // The one before is kept from this time on. A clock that is behind would end that too early.
    const publishedAt = Math.max(clock(), Date.parse(answer.publishedAt));
    await store.transaction((transaction) =>
      putRecord(transaction, keys.signedPrekey(id), [
        SignedPrekeyRecord,
        { ...record, published: true, publishedAt },
      ]),
    );
  }
}

async function publishPending({ store, call }: PrekeyDeps): Promise<void> {
  for (;;) {
    const prekeys = await store.transaction(listUnpublished);
    if (prekeys.length === 0) return;
    await call(publishOneTimePrekeys, { body: { prekeys } });
    await store.transaction(async (transaction) => {
      for (const { id } of prekeys) await transaction.delete(keys.unpublishedPrekey(id));
    });
  }
}

async function listUnpublished(transaction: StoreTransaction) {
  const marks = await transaction.list({
    prefix: keys.unpublishedPrekeys,
    limit: ONE_TIME_PREKEYS_BATCH,
  });
  const prekeys = [];
  for (const { key } of marks) {
    const id = Number(key.slice(keys.unpublishedPrekeys.length));
    const record = await getRecord(transaction, keys.oneTimePrekey(id), OneTimePrekeyRecord);
    // Used before its upload was known to have arrived: somebody was given it, so it is published.
    if (record === undefined) await transaction.delete(key);
    else prekeys.push({ id, publicKey: record.publicKey });
  }
  return prekeys;
}
