/**
 * Which device a log-in is for, and how devices come and go. The keys that others encrypt for, and the list of them,
 * are the key service's; the device key, which signs log-ins and requests, is kept here.
 */
import { randomUUID } from 'node:crypto';
import { ApiError, DEVICES_PER_ACCOUNT_MAX, DeviceId, type UserId } from '@sotto/api';
import type { Event } from '@sotto/api/internal';
import { enqueueEvent } from '@sotto/runtime';
import { setDeviceKey, whenMade, withoutLiveSession } from './device-store.ts';
import {
  type AuthTransaction,
  activeDevices,
  type Device,
  type EndedSession,
  endSessionsOfDevice,
  insertDevice,
  lockUser,
  markDevicesWithKeys,
  noteLogin,
  type Query,
  retireDevice,
} from './store.ts';
import type { Unlisted } from './unlisted-devices.ts';

export interface DeviceRequest {
  user: UserId;
  /** The device that logs in again; a new one when left out, unless the account knows its key. */
  device: DeviceId | undefined;
  /** The key that the log-in was signed with. */
  deviceKey: Uint8Array | undefined;
  /** That key is all that was shown, and neither a password nor a recovery code. */
  byKeyAlone: boolean;
  at: Date;
  /** New devices that the account may make in a day. */
  perDay: number;
  /** Devices that are logged in and that no list names, as the key service says. */
  unlisted: Unlisted;
  /**
   * What happens when no device can give way unnoticed: the log-in is refused, or the device that logged in longest
   * ago goes. The latter is for owners who have lost all their devices, and have shown more than a password.
   */
  atLimit?: 'refuse' | 'retire' | undefined;
}

/** What had to end for a device: sessions, which the caller announces, and perhaps another device, which it notes. */
export interface Room {
  ended: EndedSession[];
  retired?: DeviceId;
}

/** The device of a log-in. */
export interface DeviceChoice extends Room {
  device: DeviceId;
}

/**
 * The device that logs in. One device keeps one session, so its earlier ones end.
 *
 * A device that has a key logs in with that key alone: others know it by the key, so a password must neither put another
 * key in its place nor open a session that needs none. Whoever lost the key logs in as a new device. A device without
 * one takes the first that it is shown.
 *
 * Throws `auth.device-unknown` for a device that is not the account's (any more) or has another key,
 * `auth.proof-missing` when it has a key and none was shown, `auth.challenge-wrong` when its key alone does not do,
 * and for a new device `auth.device-limit`, `rate.limited`.
 */
export async function deviceForLogin(
  transaction: AuthTransaction,
  request: DeviceRequest,
): Promise<DeviceChoice> {
  const { user, at, deviceKey, byKeyAlone } = request;
  await lockUser(transaction, user);
  const devices = await activeDevices(transaction, user);
  const known = knownDevice(devices, request);
  if (known !== undefined) {
    const { id, needs_password: needsPassword } = known;
    if (byKeyAlone && needsPassword) throw new ApiError('auth.challenge-wrong');
    // Sessions before devices, as `refreshSession` locks them.
    const ended = await endSessionsOfDevice(transaction, id);
    if (deviceKey !== undefined) await setDeviceKey(transaction, { id, deviceKey });
    await noteLogin(transaction, { id, at, byKeyAlone });
    return { device: id, ended };
  }
  const room = await makeRoom(transaction, devices, request);
  return { device: await makeDevice(transaction, { user, at, deviceKey }), ...room };
}

function knownDevice(
  devices: readonly Device[],
  { device, deviceKey }: DeviceRequest,
): Device | undefined {
  const ofKey = deviceKey && deviceOfKey(devices, deviceKey);
  // A client that never got the answer to its first log-in comes again with the same key and no id.
  if (device === undefined) return ofKey;
  const named = devices.find(({ id }) => id === device);
  if (named === undefined || (ofKey !== undefined && ofKey !== named)) {
    throw new ApiError('auth.device-unknown');
  }
  if (named.device_key === null || named === ofKey) return named;
  if (deviceKey === undefined) throw new ApiError('auth.proof-missing');
  throw new ApiError('auth.device-unknown', {
    detail: 'the device has another key: log in as a new device',
  });
}

/** The device that has a key. */
export function deviceOfKey(devices: readonly Device[], deviceKey: Uint8Array): Device | undefined {
  return devices.find(
    ({ device_key: key }) => key !== null && Buffer.compare(key, deviceKey) === 0,
  );
}

export interface NewDevice {
  user: UserId;
  at: Date;
  deviceKey?: Uint8Array | undefined;
  /** Sealed. */
  name?: (device: DeviceId) => Uint8Array;
}

/** Makes a device. The caller sees to it that there is room. */
export async function makeDevice(
  transaction: AuthTransaction,
  { user, at, deviceKey, name }: NewDevice,
): Promise<DeviceId> {
  const id = DeviceId.parse(randomUUID());
  await insertDevice(transaction, {
    id,
    user_id: user,
    created_at: at,
    device_key: deviceKey ?? null,
    name: name?.(id) ?? null,
  });
  return id;
}

/** Takes in which devices have keys. Devices that left the list are retired by whoever made them leave. */
export async function noteDeviceList(
  query: Query,
  { user, devices }: Event<'events.device-list.changed'>,
): Promise<void> {
  if (devices.length > 0) await markDevicesWithKeys(query, user, devices);
}

/**
 * Ends a device, and tells the services that keep its keys and its queue. Returns the sessions that ended with it, which
 * the caller announces.
 */
export async function retire(
  transaction: AuthTransaction,
  { user, device, at }: { user: UserId; device: DeviceId; at: Date },
): Promise<EndedSession[]> {
  const ended = await endSessionsOfDevice(transaction, device);
  await retireDevice(transaction, { id: device, at });
  await enqueueEvent(transaction, 'events.device.retired', { user, device });
  return ended;
}

export interface RoomRequest
  extends Pick<DeviceRequest, 'user' | 'at' | 'perDay' | 'unlisted' | 'atLimit'> {
  /** A device that does not give way: the one that asks. */
  except?: DeviceId;
}

/**
 * Makes room for one more device. Throws `auth.device-limit`, and `rate.limited` for an account that has made too many
 * of late: each leaves a row behind, and some have to be remembered for as long as the account is there.
 *
 * Nobody misses a device that never published keys: a client that lost the answer to a log-in leaves such a one behind,
 * and nothing was ever encrypted for it. While it may still be logged in that is for the key service to say. Nor does
 * anybody miss one whose last session nobody can renew any more. Of each kind the one that logged in longest ago goes
 * first.
 */
export async function makeRoom(
  transaction: AuthTransaction,
  devices: readonly Device[],
  request: RoomRequest,
): Promise<Room> {
  const { user, at, unlisted, atLimit = 'refuse', except } = request;
  await refuseTooMany(transaction, request);
  if (devices.length < DEVICES_PER_ACCOUNT_MAX) return { ended: [] };
  const others = devices.filter(({ id }) => id !== except);
  const ids = others.map(({ id }) => id);
  const idle = await withoutLiveSession(transaction, { devices: ids, at });
  const unused = others.find(
    ({ id, has_keys }) => !has_keys && (idle.includes(id) || unlisted.has(id)),
  );
  const goes = unused?.id ?? idle[0] ?? (atLimit === 'retire' ? ids[0] : undefined);
  if (goes === undefined) throw new ApiError('auth.device-limit');
  return { ended: await retire(transaction, { user, device: goes, at }), retired: goes };
}

const DAY_MS = 24 * 3_600_000;

async function refuseTooMany(
  transaction: AuthTransaction,
  { user, at, perDay, atLimit }: RoomRequest,
): Promise<void> {
  // Whoever knows the password alone must not use up what the owner comes back by.
  const newest = atLimit === 'retire' ? 2 * perDay : perDay;
  const made = await whenMade(transaction, { user, newest });
  const left = made === undefined ? 0 : made.getTime() + DAY_MS - at.getTime();
  if (left > 0) throw new ApiError('rate.limited', { retryAfter: Math.ceil(left / 1000) });
}
