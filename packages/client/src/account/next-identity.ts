/**
 * Another identity for the account, made on this device: after another one was lost, or when the account was taken
 * over. It is in the store, with all that is said about it, before the platform hears of it, and stays there until it is
 * known not to have been taken.
 */
import { getIdentity, type ProblemCode, type UserId } from '@sotto/api';
import { makeIdentity, signingKeyPairOf, signingSeed } from '@sotto/crypto';
import { ClientError, isProblem } from '../errors.ts';
import type { Events } from '../events.ts';
import { LIST_ATTEMPTS_MAX } from '../limits.ts';
import { keys } from '../store/key-space.ts';
import type { StoreTransaction } from '../store/store.ts';
import { getRecord, putRecord } from '../store/stored-record.ts';
import {
  adoptIdentity,
  makeSuccession,
  nextSignedPrekey,
  submitReplacement,
} from './identity-change.ts';
import type { OwnListDeps } from './own-list.ts';
import { HeadRecord, NextIdentity, SignedPrekeyRecord, sameBytes } from './records.ts';

export interface NextIdentityDeps extends OwnListDeps {
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
export async function makeNextIdentity(deps: NextIdentityDeps): Promise<void> {
  for (let attempt = 0; attempt < LIST_ATTEMPTS_MAX; attempt++) {
    const next = await needNext(deps);
    const outcome = await submitNext(deps, next);
    if (outcome !== 'outdated') return adoptNext(deps, next, outcome);
  }
  throw new ClientError('answer.invalid', 'the platform refuses each version of the device list');
}

/** The one that was begun before, or one that follows on the account's as it is now. */
async function needNext(deps: OwnListDeps): Promise<NextIdentity> {
  const { store, provider } = deps;
  const find = (transaction: StoreTransaction) =>
    getRecord(transaction, keys.nextIdentity, NextIdentity);
  const begun = await store.transaction(find);
  if (begun !== undefined) return begun;
  const identity = makeIdentity(provider);
  const succession = await makeSuccession(deps, identity);
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

async function submitNext(deps: NextIdentityDeps, next: NextIdentity): Promise<Outcome> {
  const { publicKey } = signingKeyPairOf(deps.provider, signingSeed<'identity'>(next.seed));
  try {
    await submitReplacement(deps, { ...next, identityKey: publicKey });
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
function refuseStale({ events }: NextIdentityDeps): never {
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

async function findIdentity({ call, local }: OwnListDeps): Promise<Uint8Array | undefined> {
  try {
    const params = { user_id: local.address.user as UserId };
    return (await call(getIdentity, { params })).identityKey;
  } catch (error) {
    if (isProblem(error, 'key.identity-unknown')) return undefined;
    throw error;
  }
}
