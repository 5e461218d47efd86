/** What the owner of an account sees of its devices, and what they do with them. */
import { type AccountDevice, ApiError, type addDevice, type Body, type DeviceId } from '@sotto/api';
import { nodeProvider } from '@sotto/crypto/node';
import { CryptoError, checkVerifyingKey } from '@sotto/crypto/verify';
import { findDevice, setDeviceName } from './device-store.ts';
import { deviceOfKey, makeDevice, makeRoom, retire } from './devices.ts';
import type { SealedColumns } from './sealed-columns.ts';
import type { Actor } from './session-list.ts';
import { announceEnded, type SessionDeps, sessionsEnded } from './sessions.ts';
import { activeDevices, lockUser } from './store.ts';
import { withRoom } from './unlisted-devices.ts';

export interface AccountDevicesDeps extends SessionDeps {
  columns: Pick<SealedColumns, 'sealDeviceName' | 'openDeviceName'>;
}

/** The account's devices, the one that logged in longest ago first. */
export async function devicesOf(
  { database, columns }: Pick<AccountDevicesDeps, 'database' | 'columns'>,
  { user, device: current }: Actor['caller'],
): Promise<AccountDevice[]> {
  const devices = await activeDevices(database.query, user);
  return devices.map(({ id, name, device_key: deviceKey, created_at, logged_in_at }) => ({
    device: id,
    ...(name !== null && { name: columns.openDeviceName(id, name) }),
    ...(deviceKey !== null && { deviceKey }),
    createdAt: created_at.toISOString(),
    loggedInAt: logged_in_at.toISOString(),
    current: id === current,
  }));
}

/**
 * A device of the account for a key, which then logs in by challenge; the one that has the key already, if one does.
 * Throws `key.key-invalid` for a key that is not sound, `auth.device-limit`, `rate.limited`.
 */
export async function linkDevice(
  deps: AccountDevicesDeps,
  { caller: { user, device: asking }, address }: Actor,
  { deviceKey, name }: Body<typeof addDevice>,
): Promise<DeviceId> {
  checkKey(deviceKey);
  const at = new Date(deps.clock());
  const { device, ended } = await withRoom(deps.findUnlisted, { user, at }, (unlisted) =>
    deps.database.query.transaction().execute(async (transaction) => {
      await lockUser(transaction, user);
      const devices = await activeDevices(transaction, user);
      const known = deviceOfKey(devices, deviceKey);
      if (known !== undefined) return { device: known.id, ended: [] };
      const room = await makeRoom(transaction, devices, {
        user,
        at,
        perDay: deps.newDevicesPerDay,
        unlisted,
        except: asking,
      });
      await announceEnded(transaction, room.ended);
      const made = await makeDevice(transaction, {
        user,
        at,
        deviceKey,
        ...(name !== undefined && { name: (id) => deps.columns.sealDeviceName(id, name) }),
      });
      const noted = { user, source: address };
      if (room.retired !== undefined) {
        const retired = { device: room.retired, ...noted };
        await deps.audit.note(transaction, { action: 'device.retired', ...retired });
      }
      await deps.audit.note(transaction, { action: 'device.added', device: made, ...noted });
      return { device: made, ended: room.ended };
    }),
  );
  deps.outbox.nudge();
  sessionsEnded(deps, ended);
  return device;
}

/** Gives a device another name. Throws `auth.device-unknown`. */
export async function nameDevice(
  { database, columns, audit }: AccountDevicesDeps,
  { caller: { user }, address }: Actor,
  { device, name }: { device: DeviceId; name: Uint8Array },
): Promise<void> {
  await database.query.transaction().execute(async (transaction) => {
    const sealed = columns.sealDeviceName(device, name);
    if (!(await setDeviceName(transaction, { user, device, name: sealed }))) {
      throw new ApiError('auth.device-unknown');
    }
    await audit.note(transaction, { action: 'device.renamed', user, device, source: address });
  });
}

/**
 * Unlinks a device: its sessions end, and the services that keep its keys and its queue are told, all or nothing. Doing
 * so again changes nothing. Throws `auth.device-unknown`.
 */
export async function unlinkDevice(
  deps: AccountDevicesDeps,
  { caller: { user }, address }: Actor,
  device: DeviceId,
): Promise<void> {
  const at = new Date(deps.clock());
  const ended = await deps.database.query.transaction().execute(async (transaction) => {
    await lockUser(transaction, user);
    const found = await findDevice(transaction, { user, device });
    if (found === undefined) throw new ApiError('auth.device-unknown');
    if (found.retired_at !== null) return [];
    const sessions = await retire(transaction, { user, device, at });
    await announceEnded(transaction, sessions);
    await deps.audit.note(transaction, { action: 'device.retired', user, device, source: address });
    return sessions;
  });
  deps.outbox.nudge();
  sessionsEnded(deps, ended);
}

function checkKey(deviceKey: Uint8Array): void {
  try {
    checkVerifyingKey(nodeProvider, deviceKey);
  } catch (cause) {
    if (cause instanceof CryptoError) throw new ApiError('key.key-invalid', { cause });
    throw cause;
  }
}
