/** SQL on the devices of an account: their keys, their names, and which of them nobody uses any more. */
import type { DeviceId, UserId } from '@sotto/api';
import { sql } from 'kysely';
import { UNUSED_DEVICES_AT_ONCE } from './limits.ts';
import type { AuthTransaction, Device, Query } from './store.ts';

/** A device of any state that belongs to the account. */
export function findDevice(
  query: Query,
  { user, device }: { user: UserId; device: DeviceId },
): Promise<Device | undefined> {
  return query
    .selectFrom('devices')
    .selectAll()
    .where('id', '=', device)
    .where('user_id', '=', user)
    .executeTakeFirst();
}

/** What there is to know of a device before anybody has shown that it is theirs. */
export interface DeviceOwner {
  user: UserId;
  username: string;
  disabled_at: Date | null;
  deviceKey: Uint8Array | null;
  needsPassword: boolean;
}

/** The owner of a device that is not retired, of an account that is not deleted. */
export function findDeviceOwner(query: Query, device: DeviceId): Promise<DeviceOwner | undefined> {
  return query
    .selectFrom('devices')
    .innerJoin('users', 'users.id', 'devices.user_id')
    .select(['users.id as user', 'users.username', 'users.disabled_at'])
    .select(['devices.device_key as deviceKey', 'devices.needs_password as needsPassword'])
    .where('devices.id', '=', device)
    .where('devices.retired_at', 'is', null)
    .where('users.deleted_at', 'is', null)
    .executeTakeFirst();
}

/** A device's key as the account of this name has it; undefined when the device is none of that account's. */
export function findDeviceOfName(
  query: Query,
  { usernameKey, device }: { usernameKey: string; device: DeviceId },
): Promise<{ deviceKey: Uint8Array | null } | undefined> {
  return query
    .selectFrom('devices')
    .innerJoin('users', 'users.id', 'devices.user_id')
    .select('devices.device_key as deviceKey')
    .where('devices.id', '=', device)
    .where('devices.retired_at', 'is', null)
    .where('users.username_key', '=', usernameKey)
    .executeTakeFirst();
}

/** For a device that has none yet. */
export async function setDeviceKey(
  transaction: AuthTransaction,
  { id, deviceKey }: { id: DeviceId; deviceKey: Uint8Array },
): Promise<void> {
  await transaction
    .updateTable('devices')
    .set({ device_key: deviceKey })
    .where('id', '=', id)
    .where('device_key', 'is', null)
    .execute();
}

/** From now on the device's key alone opens no session. */
export async function requirePassword(
  transaction: AuthTransaction,
  device: DeviceId,
): Promise<void> {
  await transaction
    .updateTable('devices')
    .set({ needs_password: true })
    .where('id', '=', device)
    .execute();
}

/**
 * The same for all devices of the account but the one that asks for it: also for those without a session, which whoever
 * stole one may have ended. Index: devices_active.
 */
export async function requirePasswordOfAll(
  transaction: AuthTransaction,
  { user, except }: { user: UserId; except?: DeviceId },
): Promise<void> {
  const devices = transaction
    .updateTable('devices')
    .set({ needs_password: true })
    .where('user_id', '=', user)
    .where('retired_at', 'is', null);
  await (except === undefined ? devices : devices.where('id', '<>', except)).execute();
}

/** The sealed name of a device of the account; false when it has no such device in use. */
export async function setDeviceName(
  query: Query,
  { user, device, name }: { user: UserId; device: DeviceId; name: Uint8Array },
): Promise<boolean> {
  const { numUpdatedRows } = await query
    .updateTable('devices')
    .set({ name })
    .where('id', '=', device)
    .where('user_id', '=', user)
    .where('retired_at', 'is', null)
    .executeTakeFirst();
  return numUpdatedRows === 1n;
}

/** When an account made one of its newest devices, retired ones included: the newest is 1. Index: devices_user. */
export async function whenMade(
  query: Query,
  { user, newest }: { user: UserId; newest: number },
): Promise<Date | undefined> {
  const row = await query
    .selectFrom('devices')
    .select('created_at')
    .where('user_id', '=', user)
    .orderBy('created_at', 'desc')
    .offset(newest - 1)
    .limit(1)
    .executeTakeFirst();
  return row?.created_at;
}

/**
 * Forgets some devices that were retired a while ago and never had keys: nobody ever encrypted for them, so that no
 * erasure needs to know of them. Index: devices_forgettable.
 */
export async function deleteUnusedDevices(query: Query, olderThanMs: number): Promise<void> {
  await sql`
    with unused as (
      select id from devices
      where not has_keys and retired_at < clock_timestamp() - make_interval(secs => ${olderThanMs / 1000})
      limit ${UNUSED_DEVICES_AT_ONCE}
    ), ended as (
      delete from sessions using unused where sessions.device_id = unused.id
    )
    delete from devices using unused where devices.id = unused.id
  `.execute(query);
}

/** Of these devices, those whose last session can no longer be renewed, or that never had one. Index: sessions_device. */
export async function withoutLiveSession(
  query: Query,
  { devices, at }: { devices: readonly DeviceId[]; at: Date },
): Promise<DeviceId[]> {
  if (devices.length === 0) return [];
  const live = await query
    .selectFrom('sessions')
    .select('device_id')
    .distinct()
    .where('device_id', 'in', devices)
    .where('expires_at', '>', at)
    .execute();
  const used = new Set(live.map((row) => row.device_id));
  return devices.filter((device) => !used.has(device));
}
