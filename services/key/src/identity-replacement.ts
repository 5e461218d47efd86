/**
 * Another identity key for an account: after a device was lost or stolen, or for somebody who has nothing but the password.
 *
 * All of it happens in one transaction, so nobody ever sees the new identity with keys or devices of the old one. The
 * account is left with one device, the one that asks; its others publish keys under the new identity and come back.
 */
import { ApiError, type Body, FRESH_SECONDS, type replaceIdentity, type UserId } from '@sotto/api';
import type { DeviceListChanged } from '@sotto/api/internal';
import { CryptoError, decodeDeviceList } from '@sotto/crypto/verify';
import { enqueueEvent } from '@sotto/runtime';
import { type Actor, noteAudit } from './audit.ts';
import { deletePrekeys } from './departure-store.ts';
import { admitDevice } from './departures.ts';
import { findEffectiveList, findSignedList, isListed, lockIdentity } from './device-list-store.ts';
import { storeSignedList, tellListChange } from './device-lists.ts';
import { type PublishedIdentity, toPublished } from './identities.ts';
import { findDevices, setIdentity } from './identity-store.ts';
import { type KeyDeps, requireSound } from './key-deps.ts';
import { addAccountLeaf } from './log/leaves.ts';
import {
  findSignedPrekey,
  type IdentityRow,
  insertDevice,
  insertSignedPrekey,
  type KeyTransaction,
  newestSignedPrekey,
  type SignedPrekeyRow,
} from './store.ts';

type Replacement = Body<typeof replaceIdentity>;

/**
 * Replaces the identity key. The same again changes nothing. Throws `auth.fresh-needed`, `key.identity-missing`,
 * `key.key-invalid`, `key.signature-invalid`, `key.id-conflict`, `key.list-invalid`, and `key.list-conflict` for a list
 * that does not follow on the newest one, which is also what a replacement that was itself replaced gets.
 */
export async function replaceIdentityKey(
  deps: KeyDeps,
  actor: Actor,
  replacement: Replacement,
): Promise<PublishedIdentity> {
  const { identityKey, signedPrekey: prekey } = replacement;
  await requireSound(deps, { kind: 'identity', identityKey }, () => 'identityKey');
  const check = { kind: 'signed-prekey', identityKey, prekey } as const;
  await requireSound(deps, check, () => 'signedPrekey');
  requireThisDeviceAlone(actor, replacement);
  const at = new Date(deps.clock());
  const { identity, effective } = await deps.database.query
    .transaction()
    .execute(async (transaction) => {
      await admitDevice(transaction, actor);
      await requireFresh(transaction, actor, deps.clock());
      const before = await lockIdentity(transaction, actor.user);
      if (before === undefined) throw new ApiError('key.identity-missing');
      if (Buffer.from(before.public_key).equals(identityKey)) {
        await requireSame(transaction, actor, replacement);
        return { identity: before, effective: undefined };
      }
      return replace(transaction, { deps, actor, replacement, at });
    });
  if (effective !== undefined) {
    deps.events.identityPublished();
    deps.events.deviceListChanged();
    deps.outbox.nudge();
    deps.keyLog.nudge();
    // Should it not answer, it hears of the list by its event.
    await deps.confirm(effective);
  }
  return toPublished(identity);
}

/**
 * Whoever finds an unlocked device, or adds one by a stolen token, must not be able to take the account over with it: the
 * key of a device counts only where the account itself has signed that the device is its own.
 */
async function requireFresh(
  transaction: KeyTransaction,
  { user, device, proven, authenticatedAt }: Actor,
  now: number,
): Promise<void> {
  if (now - authenticatedAt <= FRESH_SECONDS * 1000) return;
  if (proven && (await isListed(transaction, { user, device }))) return;
  throw new ApiError('auth.fresh-needed');
}

/** The others have no signed prekey of the new identity yet, so nobody could write to them. */
function requireThisDeviceAlone({ device }: Actor, replacement: Replacement): void {
  const { devices } = decodeList(replacement.deviceList);
  const [only] = devices;
  if (devices.length === 1 && only?.device === device) return;
  throw new ApiError('key.list-invalid', {
    detail: 'it names other devices than the one that asks',
    fields: ['deviceList'],
  });
}

function decodeList(encoded: Uint8Array) {
  try {
    return decodeDeviceList(encoded).list;
  } catch (cause) {
    if (!(cause instanceof CryptoError)) throw cause;
    throw new ApiError('key.list-invalid', { detail: cause.code, fields: ['deviceList'], cause });
  }
}

/** A request that is repeated because its answer was lost brings what is here already. */
async function requireSame(
  transaction: KeyTransaction,
  { user, device }: Actor,
  { signedPrekey, deviceList }: Replacement,
): Promise<void> {
  const list = await findSignedList(transaction, user);
  if (list === undefined || !Buffer.from(list.encoded).equals(deviceList)) {
    throw new ApiError('key.list-conflict', {
      detail: 'the identity is in place, with a newer list',
    });
  }
  const prekey = await findSignedPrekey(transaction, { device, id: signedPrekey.id });
  if (prekey === undefined || !Buffer.from(prekey.public_key).equals(signedPrekey.publicKey)) {
    throw new ApiError('key.id-conflict', { fields: ['signedPrekey'] });
  }
}

interface Replacing {
  deps: KeyDeps;
  actor: Actor;
  replacement: Replacement;
  at: Date;
}

async function replace(
  transaction: KeyTransaction,
  { deps, actor, replacement, at }: Replacing,
): Promise<{ identity: IdentityRow; effective: DeviceListChanged | undefined }> {
  const { user } = actor;
  const { identityKey, deviceList } = replacement;
  await admitRegistration(transaction, actor, replacement);
  const prekey = prekeyRow(actor, replacement, at);
  await requireNextId(transaction, prekey);
  await deletePrekeys(transaction, await findDevices(transaction, user));
  const identity = await setIdentity(transaction, { user, identityKey, at });
  await insertSignedPrekey(transaction, prekey);
  const list = await storeSignedList(transaction, { user, encoded: deviceList, at });
  // Told also when the devices are those of before: what was agreed with them was agreed with the old identity.
  if (!list.isChange) await tellListChange(transaction, user);
  const version = await addAccountLeaf(transaction, deps.keyLog.blindingKey, { user, identityKey });
  await enqueueEvent(transaction, 'events.identity.changed', { user, version });
  await noteAudit(transaction, actor, { action: 'identity.replaced', at });
  await noteAudit(transaction, actor, { action: 'device-list.published', at });
  return { identity, effective: await findEffectiveList(transaction, user) };
}

async function admitRegistration(
  transaction: KeyTransaction,
  { user, device }: { user: UserId; device: Actor['device'] },
  { registrationId }: Replacement,
): Promise<void> {
  const row = { id: device, user_id: user, registration_id: registrationId };
  const known = await insertDevice(transaction, row);
  if (known.registration_id === registrationId) return;
  throw new ApiError('key.id-conflict', {
    detail: 'this device has another registration id',
    fields: ['registrationId'],
  });
}

/** Ids rise over identities too: what a sender still holds of the old ones names no key of the new. */
async function requireNextId(transaction: KeyTransaction, prekey: SignedPrekeyRow): Promise<void> {
  const newest = await newestSignedPrekey(transaction, prekey.device_id);
  if (newest === undefined || newest.id < prekey.id) return;
  throw new ApiError('key.id-conflict', {
    detail: `ids up to ${newest.id} are taken`,
    fields: ['signedPrekey.id'],
  });
}

function prekeyRow({ device }: Actor, { signedPrekey }: Replacement, at: Date): SignedPrekeyRow {
  const { id, publicKey, suites, signature } = signedPrekey;
  return {
    ...{ device_id: device, id, public_key: publicKey, suites, signature },
    published_at: at,
  };
}
