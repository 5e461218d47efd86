/**
 * Device lists: which devices of a user messages are encrypted for, those with an identity and a signed prekey.
 *
 * The version grows by one at each change, and the event leaves with the transaction that made the change.
 */
import type { DeviceId, UserId } from '@sotto/api';
import type { DeviceListChanged } from '@sotto/api/internal';
import { enqueueEvent } from '@sotto/runtime';
import { findList, type KeyTransaction, listDevice, listedDevices, type Query } from './store.ts';

/** Adds a device that has just got its first signed prekey. False when it was on the list. */
export async function joinDeviceList(
  transaction: KeyTransaction,
  joining: { user: UserId; device: DeviceId; at: Date },
): Promise<boolean> {
  const version = await listDevice(transaction, joining);
  if (version === undefined) return false;
  const { user } = joining;
  const devices = await listedDevices(transaction, user);
  await enqueueEvent(transaction, 'events.device-list.changed', { user, version, devices });
  return true;
}

/** A user's list; undefined before the first device. */
export async function deviceListOf(
  query: Query,
  user: UserId,
): Promise<DeviceListChanged | undefined> {
  const list = await findList(query, user);
  return list && { user, ...list };
}
