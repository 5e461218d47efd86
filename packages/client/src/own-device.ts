/**
 * The account's own device list, as its devices read and change it: held to the identity key and to the newest version
 * that this device has seen, so that the platform can neither add a device of ours nor bring back one that is gone.
 */
import { type DeviceId, getDeviceList, publishDeviceList, type UserId } from '@sotto/api';
import {
  type DeviceEntry,
  type Head,
  type LocalParty,
  type Provider,
  signDeviceList,
  type VerifiedDeviceList,
  verifyDeviceList,
} from '@sotto/crypto';
import { pause } from './back-off.ts';
import type { Call } from './call.ts';
import type { DeviceKey } from './device-key.ts';
import { ClientError, isProblem } from './errors.ts';
import { LIST_ATTEMPTS_MAX, LIST_PAUSE_MS } from './limits.ts';
import { getRecord, HeadRecord, keys, putRecord, sameBytes } from './records.ts';
import type { Store } from './store.ts';

export interface OwnDeviceDeps {
  readonly store: Store;
  readonly provider: Provider;
  readonly call: Call;
  readonly clock: () => number;
  readonly local: LocalParty;
  readonly deviceKey: () => Promise<DeviceKey>;
  /** Ends the waiting when the client closes. */
  readonly signal: AbortSignal;
}

/**
 * The newest list of our account, undefined before the first. Throws `CryptoError` when it is not ours, older than one
 * seen, or forked, `answer.invalid` when the platform has lost it, and what calls throw.
 */
export async function readOwnList(deps: OwnDeviceDeps): Promise<VerifiedDeviceList | undefined> {
  const { store, provider, call, clock, local } = deps;
  const { user } = local.address;
  const previous = await store.transaction((transaction) =>
    getRecord(transaction, keys.ownList, HeadRecord),
  );
  const answer = await call(getDeviceList, { params: { user_id: user as UserId } }).catch(
    (error) => {
      if (isProblem(error, 'key.list-unknown')) return undefined;
      throw error;
    },
  );
  if (answer === undefined) {
    if (previous === undefined) return undefined;
    throw new ClientError('answer.invalid', 'the platform has lost the device list');
  }
  const identityKey = local.identity.publicKey;
  const expected = { user, identityKey, previous, now: clock() };
  const verified = verifyDeviceList(provider, answer.list, expected);
  await keepOwnHead(store, verified.head);
  return verified;
}

/**
 * Publishes the list that `change` makes of the newest one; nothing when it leaves it as it is. Resolves once the
 * platform goes by it. Throws `list.incomplete` when that takes too long: doing it again goes on; and as
 * {@link readOwnList}.
 */
export async function changeOwnList(
  deps: OwnDeviceDeps,
  change: (devices: readonly DeviceEntry[]) => readonly DeviceEntry[],
): Promise<Head> {
  for (let attempt = 0; attempt < LIST_ATTEMPTS_MAX; attempt++) {
    if (attempt > 0) await pause(LIST_PAUSE_MS, deps.signal);
    const before = await readOwnList(deps);
    const devices = change(before?.list.devices ?? []);
    if (before && isSame(before.list.devices, devices)) return before.head;
    const { user } = deps.local.address;
    const next = { user, time: deps.clock(), devices, previous: before?.head };
    const { encoded, head } = signDeviceList(deps.provider, deps.local.identity, next);
    if (await publish(deps, encoded)) {
      await keepOwnHead(deps.store, head);
      return head;
    }
  }
  throw new ClientError('list.incomplete', 'the platform does not go by the device list yet');
}

/** Puts this device on the account's list. Throws as {@link changeOwnList}. */
export async function joinOwnList(deps: OwnDeviceDeps): Promise<Head> {
  const { device } = deps.local.address;
  const { publicKey: deviceKey } = await deps.deviceKey();
  const entry = { device, deviceKey, registrationId: deps.local.registrationId };
  return changeOwnList(deps, (devices) => [
    ...devices.filter((known) => known.device !== device),
    entry,
  ]);
}

/** Takes a device off the account's list. Throws as {@link changeOwnList}. */
export function leaveOwnList(deps: OwnDeviceDeps, device: DeviceId): Promise<Head> {
  return changeOwnList(deps, (devices) => devices.filter((known) => known.device !== device));
}

/** False when another device of ours was faster, or the platform has not confirmed: look again. */
async function publish(deps: OwnDeviceDeps, list: Uint8Array): Promise<boolean> {
  try {
    for (let attempt = 0; attempt < LIST_ATTEMPTS_MAX; attempt++) {
      if (attempt > 0) await pause(LIST_PAUSE_MS, deps.signal);
      if ((await deps.call(publishDeviceList, { body: { list } })).complete) return true;
    }
    return false;
  } catch (error) {
    if (isProblem(error, 'key.list-conflict')) return false;
    throw error;
  }
}

function keepOwnHead(store: Store, { version, hash }: Head): Promise<void> {
  return store.transaction((transaction) =>
    putRecord(transaction, keys.ownList, [HeadRecord, { version, hash }]),
  );
}

function isSame(before: readonly DeviceEntry[], after: readonly DeviceEntry[]): boolean {
  return (
    before.length === after.length &&
    before.every((entry) =>
      after.some(
        ({ device, deviceKey, registrationId }) =>
          device === entry.device &&
          registrationId === entry.registrationId &&
          sameBytes(deviceKey, entry.deviceKey),
      ),
    )
  );
}
