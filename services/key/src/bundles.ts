/** Prekey bundles: what one needs to start sessions with a user's devices. */
import { ApiError, type Bundle, type DeviceBundle, type DeviceId, type UserId } from '@sotto/api';
import type { Caller } from '@sotto/runtime';
import type { KeyDeps } from './key-deps.ts';
import { claimBundles, findIdentity, type IssuedBundle } from './store.ts';

/**
 * Hands out bundles of all devices of a user, or of one, each with a one-time prekey that nobody else gets. The
 * caller's own device is left out: nobody starts a session with oneself. Throws `key.identity-unknown`.
 */
export async function issueBundle(
  { database, events }: KeyDeps,
  caller: Caller,
  { user, device }: { user: UserId; device: DeviceId | undefined },
): Promise<Bundle> {
  const identity = await findIdentity(database.query, user);
  if (identity === undefined) throw new ApiError('key.identity-unknown');
  const rows = await claimBundles(database.query, { user, device, except: caller.device });
  const devices = rows.map(toBundle);
  const degraded = devices.filter(({ oneTimePrekey }) => oneTimePrekey === undefined).length;
  events.bundleIssued({ devices: devices.length, degraded });
  return { user, identityKey: identity.public_key, devices };
}

function toBundle(row: IssuedBundle): DeviceBundle {
  const { one_time_id, one_time_key } = row;
  return {
    device: row.device_id,
    registrationId: row.registration_id,
    signedPrekey: {
      id: row.signed_id,
      publicKey: row.signed_key,
      suites: row.suites,
      signature: row.signature,
    },
    ...(one_time_id !== null &&
      one_time_key !== null && { oneTimePrekey: { id: one_time_id, publicKey: one_time_key } }),
  };
}
