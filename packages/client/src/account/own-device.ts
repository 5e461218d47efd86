/**
 * What a device of the account does with the others: reads the list of them from the platform, and takes one off.
 * How this device puts itself on it is in `own-list.ts`.
 */
import {
  ApiError,
  DeviceId,
  getDeviceList,
  publishDeviceList,
  revokeDevice,
  UserId,
} from '@sotto/api';
import { signDeviceList, type VerifiedDeviceList } from '@sotto/crypto';
import { pause } from '../connection/back-off.ts';
import { ClientError, isProblem } from '../errors.ts';
import { LIST_ATTEMPTS_MAX, LIST_PAUSE_MS } from '../limits.ts';
import { keys } from '../store/key-space.ts';
import type { Store } from '../store/store.ts';
import { getRecord, putRecord } from '../store/stored-record.ts';
import { readAccount } from './account.ts';
import { makeNextIdentity, type NextIdentityDeps } from './next-identity.ts';
import { learnOwnList, ownListHead } from './own-list.ts';
import { Account } from './records.ts';
import { isLoggedOutError } from './tokens.ts';

export interface OwnDeviceDeps extends NextIdentityDeps {
  /** Ends the waiting when the client closes. */
  readonly signal: AbortSignal;
}

/**
 * The newest list of our account. Throws `CryptoError` when it is not ours, older than one seen, or forked,
 * `key.list-unknown` before the first, and what calls throw.
 */
export async function readOwnList(
  deps: OwnDeviceDeps,
): Promise<VerifiedDeviceList & { readonly encoded: Uint8Array }> {
  const user = UserId.parse(deps.local.address.user);
  const { list: encoded } = await deps.call(getDeviceList, { params: { user_id: user } });
  const verified = await deps.store.transaction((transaction) =>
    learnOwnList(deps, transaction, encoded),
  );
  return { ...verified, encoded };
}

/**
 * Takes a device off the account for good: off the signed list first, so that nobody encrypts for it, then its sessions
 * and keys. Resolves once messages go by the new list. Throws `list.incomplete` when the platform is slow, and what
 * calls throw: doing it again goes on.
 */
export async function unlinkDevice(deps: OwnDeviceDeps, device: DeviceId): Promise<void> {
  await leaveOwnList(deps, device);
  await deps.call(revokeDevice, { params: { device_id: device } });
}

/**
 * The same for this device, whose session ends with it: it has been done, too, when it was asked for before in the session that
 * has ended since, and no answer has said that it was not.
 */
export async function unlinkThisDevice(deps: OwnDeviceDeps): Promise<void> {
  const device = DeviceId.parse(deps.local.address.device);
  try {
    await leaveOwnList(deps, device);
    await noteLeaving(deps.store, true);
    await deps.call(revokeDevice, { params: { device_id: device } });
  } catch (error) {
    if (isProblem(error, 'auth.device-unknown')) return;
    if (error instanceof ApiError) await noteLeaving(deps.store, false);
    const account = await readAccount(deps.store);
    const isDone = account !== undefined && account.leaving === account.session;
    if (!isLoggedOutError(error) || !isDone) throw error;
  }
}

/**
 * The same for a device that was lost or stolen, and with it the account's identity key: the account gets another one,
 * of which this is the only device. Contacts are warned, the other devices are to be linked anew. The client's
 * `LocalParty` is another one after it. Throws as {@link unlinkDevice} and `makeNextIdentity`.
 */
export async function reportLostDevice(deps: OwnDeviceDeps, device: DeviceId): Promise<void> {
  if (device === deps.local.address.device) {
    throw new ClientError('device.current', 'this device is not lost');
  }
  // First of all: whoever has it could make an identity, too.
  await deps.call(revokeDevice, { params: { device_id: device } });
  await makeNextIdentity(deps);
}

/** Once the platform has taken this device off, it cannot be asked any more whether it has. */
function noteLeaving(store: Store, isLeaving: boolean): Promise<void> {
  return store.transaction(async (transaction) => {
    const account = await getRecord(transaction, keys.account, Account);
    if (account === undefined) return;
    const leaving = isLeaving ? account.session : undefined;
    await putRecord(transaction, keys.account, [Account, { ...account, leaving }]);
  });
}

async function leaveOwnList(deps: OwnDeviceDeps, device: DeviceId): Promise<void> {
  for (let attempt = 0; attempt < LIST_ATTEMPTS_MAX; attempt++) {
    if (attempt > 0) await pause(LIST_PAUSE_MS, deps.signal);
    const own = await findOwnList(deps);
    const next = own && listWithout(deps, own, device);
    if (next === undefined || (await publish(deps, next))) return;
  }
  throw new ClientError('list.incomplete', 'the platform does not go by the device list yet');
}

/** Undefined before the first, when nobody encrypts for any device: not for a platform that has lost the one we know. */
function findOwnList(deps: OwnDeviceDeps) {
  return readOwnList(deps).catch(async (error) => {
    if (!isProblem(error, 'key.list-unknown')) throw error;
    if (await deps.store.transaction(ownListHead)) throw error;
    return undefined;
  });
}

/** The list to be published, also when it is the one that there is: messages may not go by it yet. */
function listWithout(
  deps: OwnDeviceDeps,
  { list, head, encoded }: Awaited<ReturnType<typeof readOwnList>>,
  device: DeviceId,
): Uint8Array | undefined {
  const devices = list.devices.filter((known) => known.device !== device);
  if (devices.length === list.devices.length) return encoded;
  // The last one cannot leave: a list names somebody. It is taken off by the platform alone.
  if (devices.length === 0) return undefined;
  const next = { user: list.user, time: deps.clock(), devices, previous: head };
  return signDeviceList(deps.provider, deps.local.identity, next).encoded;
}

/** False when another device of ours was faster: look again. */
async function publish(deps: OwnDeviceDeps, list: Uint8Array): Promise<boolean> {
  try {
    for (let attempt = 0; attempt < LIST_ATTEMPTS_MAX; attempt++) {
      if (attempt > 0) await pause(LIST_PAUSE_MS, deps.signal);
      const { complete } = await deps.call(publishDeviceList, { body: { list } });
      await deps.store.transaction((transaction) => learnOwnList(deps, transaction, list));
      if (complete) return true;
    }
    throw new ClientError('list.incomplete', 'the platform does not go by the device list yet');
  } catch (error) {
    if (isProblem(error, 'key.list-conflict')) return false;
    throw error;
  }
}
