/**
 * Device lists. The account signs which devices it has; messages are encrypted for those of them that auth has not
 * retired: the list in effect. What is in effect has a version of this service's own, which rises with each change,
 * and whose event leaves with the transaction that made the change.
 */
import { ApiError, type UserId } from '@sotto/api';
import type { DeviceListChanged } from '@sotto/api/internal';
import { nodeProvider } from '@sotto/crypto/node';
import {
  CryptoError,
  type DeviceList,
  type VerifiedDeviceList,
  verifyDeviceList,
  verifyingKey,
} from '@sotto/crypto/verify';
import { enqueueEvent } from '@sotto/runtime';
import { type Actor, noteAudit } from './audit.ts';
import {
  type DeviceListRow,
  findEffectiveList,
  findSignedList,
  listDevices,
  lockIdentity,
  publishedDevices,
  raiseListVersion,
  upsertSignedList,
} from './device-list-store.ts';
import type { KeyDeps } from './key-deps.ts';
import type { KeyTransaction, Query } from './store.ts';

/**
 * Publishes a next device list of the account. The same again changes nothing, and asks again whether the message service
 * goes by it. Throws `key.identity-missing`, `key.list-invalid`, `key.list-conflict`, `key.signature-invalid`,
 * `rate.limited`.
 */
export async function publishList(
  deps: KeyDeps,
  actor: Actor,
  encoded: Uint8Array,
): Promise<{ version: number; complete: boolean }> {
  const at = new Date(deps.clock());
  const { user } = actor;
  const upload = () =>
    deps.database.query.transaction().execute(async (transaction) => {
      const outcome = await storeSignedList(transaction, { user, encoded, at });
      if (outcome.isNew) {
        await noteAudit(transaction, actor, { action: 'device-list.published', at });
      }
      return outcome;
    });
  const stored = await deps.uploadLimits.deviceLists(actor, upload);
  if (stored.isNew) deps.outbox.nudge();
  if (stored.isChange) deps.events.deviceListChanged();
  const complete = stored.effective === undefined || (await deps.confirm(stored.effective));
  return { version: stored.version, complete };
}

/** What became of a signed list. */
export interface StoredList {
  /** Of the signed list. */
  version: number;
  /** False when it was stored before. */
  isNew: boolean;
  /** Whether other devices are in effect now; the event is in the outbox then. */
  isChange: boolean;
  effective: DeviceListChanged | undefined;
}

/**
 * Stores a signed list that is newer than the newest one, and puts its devices into effect, within a transaction. It is
 * held against the identity as the transaction sees it. It may be newer by more than one: a database that was restored
 * lacks those between, and nobody has them any more. Throws as {@link publishList}.
 */
export async function storeSignedList(
  transaction: KeyTransaction,
  { user, encoded, at }: { user: UserId; encoded: Uint8Array; at: Date },
): Promise<StoredList> {
  const identity = await lockIdentity(transaction, user);
  if (identity === undefined) throw new ApiError('key.identity-missing');
  const before = await findSignedList(transaction, user);
  const { list, head } = verify(encoded, { user, identityKey: identity.public_key, before });
  const { version } = head;
  if (before?.version === version) {
    const effective = await findEffectiveList(transaction, user);
    return { version, isNew: false, isChange: false, effective };
  }
  await requirePublished(transaction, list);
  const row = { user_id: user, version, hash: head.hash, encoded, published_at: at };
  await upsertSignedList(transaction, row);
  const devices = list.devices.map(({ device }) => device);
  const isChange = await listDevices(transaction, { user, devices, at });
  if (isChange) await tellListChange(transaction, user);
  return { version, isNew: true, isChange, effective: await findEffectiveList(transaction, user) };
}

/** Counts and tells a change of the devices in effect. The caller holds the identity's lock. */
export async function tellListChange(transaction: KeyTransaction, user: UserId): Promise<void> {
  await raiseListVersion(transaction, user);
  const effective = await findEffectiveList(transaction, user);
  if (effective === undefined) throw new Error('a list that was changed is not there');
  await enqueueEvent(transaction, 'events.device-list.changed', effective);
}

/** The newest signed list. Throws `key.list-unknown`. */
export async function signedListOf(query: Query, user: UserId): Promise<{ list: Uint8Array }> {
  const row = await findSignedList(query, user);
  if (row === undefined) throw new ApiError('key.list-unknown');
  return { list: row.encoded };
}

interface Expectation {
  user: UserId;
  identityKey: Uint8Array;
  before: DeviceListRow | undefined;
}

/** One strict signature, a fifth of a millisecond: not worth the way to the thread that checks prekeys. */
function verify(
  encoded: Uint8Array,
  { user, identityKey, before }: Expectation,
): VerifiedDeviceList {
  try {
    return verifyDeviceList(nodeProvider, encoded, {
      user,
      identityKey: verifyingKey<'identity'>(identityKey),
      previous: before && { version: before.version, hash: before.hash },
      now: 0,
    });
  } catch (error) {
    if (!(error instanceof CryptoError)) throw error;
    const options = { detail: error.code, fields: ['list'] };
    if (error.code === 'signature.invalid') throw new ApiError('key.signature-invalid', options);
    if (error.code.startsWith('head.')) throw new ApiError('key.list-conflict', options);
    throw new ApiError('key.list-invalid', options);
  }
}

/** Throws `key.list-invalid` unless others can write to every device that the list names. */
async function requirePublished(transaction: KeyTransaction, list: DeviceList): Promise<void> {
  const published = await publishedDevices(transaction, list.user as UserId);
  for (const { device, registrationId } of list.devices) {
    const known = published.get(device);
    if (known === undefined) {
      throw new ApiError('key.list-invalid', { detail: 'a device on it has published no keys' });
    }
    if (known.registrationId !== registrationId) {
      throw new ApiError('key.list-invalid', { detail: 'a device has another registration id' });
    }
  }
}
