/** Which device a log-in is for. A device is an id here; its keys, and the list of devices others encrypt for, are the key service's. */
import { randomUUID } from 'node:crypto';
import { ApiError, DEVICES_PER_ACCOUNT_MAX, DeviceId, type UserId } from '@sotto/api';
import type { Event } from '@sotto/api/internal';
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

export interface DeviceRequest {
  user: UserId;
  /** The device that logs in again; a new one when left out. */
  device: DeviceId | undefined;
  at: Date;
}

/** The device of a log-in, and the sessions that end for it. */
export interface DeviceChoice {
  device: DeviceId;
  ended: EndedSession[];
}

/**
 * The device that logs in. One device keeps one session, so its earlier ones end. Throws `auth.device-unknown` for a
 * device that is not the account's (any more), and `auth.device-limit` when the account has all it may have.
 */
export async function deviceForLogin(
  transaction: AuthTransaction,
  { user, device, at }: DeviceRequest,
): Promise<DeviceChoice> {
  await lockUser(transaction, user);
  const devices = await activeDevices(transaction, user);
  if (device !== undefined) {
    if (!devices.some(({ id }) => id === device)) throw new ApiError('auth.device-unknown');
    await noteLogin(transaction, { id: device, at });
    return { device, ended: await endSessionsOfDevice(transaction, device) };
  }
  const ended = await makeRoom(transaction, devices, at);
  return { device: await addDevice(transaction, user, at), ended };
}

/** Makes a device. The caller sees to it that there is room. */
export async function addDevice(
  transaction: AuthTransaction,
  user: UserId,
  at: Date,
): Promise<DeviceId> {
  const id = DeviceId.parse(randomUUID());
  await insertDevice(transaction, { id, user_id: user, created_at: at });
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
 * A client that never got the answer to a log-in leaves a device behind that nobody holds. So at the limit the device
 * that logged in longest ago among those without keys gives way: nothing was ever encrypted for it.
 */
async function makeRoom(
  transaction: AuthTransaction,
  devices: readonly Device[],
  at: Date,
): Promise<EndedSession[]> {
  if (devices.length < DEVICES_PER_ACCOUNT_MAX) return [];
  const stale = devices.find((device) => !device.has_keys);
  if (stale === undefined) throw new ApiError('auth.device-limit');
  await retireDevice(transaction, { id: stale.id, at });
  return endSessionsOfDevice(transaction, stale.id);
}
