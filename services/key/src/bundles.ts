/** Prekey bundles: what one needs to start sessions with a user's devices. */
import { ApiError, type Bundle, type DeviceBundle, type DeviceId, type UserId } from '@sotto/api';
import type { Caller } from '@sotto/runtime';
import { isLocked } from './bundle-claims.ts';
import type { IssuedRow } from './bundle-store.ts';
import type { KeyDeps } from './key-deps.ts';
import { devicesRunningLow, tellLow } from './low-prekeys.ts';

/** Whose bundle is wanted, and how long somebody waits for it. */
export interface BundleQuestion {
  user: UserId;
  /** One device only. */
  device?: DeviceId | undefined;
  /** Aborted when nobody waits any more. */
  signal: AbortSignal;
}

/**
 * Hands out bundles of all devices of a user, or of one, each with a one-time prekey that nobody else gets. The
 * caller's own device is left out: nobody starts a session with oneself. Throws `key.identity-unknown`,
 * `key.list-unknown`, `rate.limited`, `service.unavailable`.
 */
export async function issueBundle(
  deps: KeyDeps,
  caller: Caller,
  { user, device, signal }: BundleQuestion,
): Promise<Bundle> {
  const takes = (await deps.bundleLimits.admit(caller.user, user)) === 'full';
  const rows = await deps.claims.claim({ user, device, except: caller.device, takes }, signal);
  const bundle = toBundle(user, rows);
  if (bundle === undefined) throw await nothingToIssue(deps, user);
  note(deps, caller, rows);
  return bundle;
}

/** A user whose bundle the caller has to wait for, in seconds. */
export interface LimitedUser {
  user: UserId;
  retryAfter: number;
}

/**
 * Bundles of many users. Whoever has published nothing, or has been asked for too often by this caller, or is being
 * changed at this moment, is named beside them. Throws `service.unavailable`.
 */
export async function issueBundles(
  deps: KeyDeps,
  caller: Caller,
  { users, signal }: { users: readonly UserId[]; signal: AbortSignal },
): Promise<{ bundles: Bundle[]; unknown: UserId[]; limited: LimitedUser[] }> {
  const distinct = [...new Set(users)];
  const outcomes = await Promise.all(
    distinct.map((user) => issueOne(deps, caller, { user, signal })),
  );
  return {
    bundles: outcomes.flatMap((outcome) => ('bundle' in outcome ? [outcome.bundle] : [])),
    unknown: outcomes.flatMap((outcome) => ('unknown' in outcome ? [outcome.unknown] : [])),
    limited: outcomes.flatMap((outcome) => ('limited' in outcome ? [outcome.limited] : [])),
  };
}

type Outcome = { bundle: Bundle } | { unknown: UserId } | { limited: LimitedUser };

async function issueOne(deps: KeyDeps, caller: Caller, question: BundleQuestion): Promise<Outcome> {
  const { user } = question;
  try {
    return { bundle: await issueBundle(deps, caller, question) };
  } catch (error) {
    if (isLocked(error)) return { limited: { user, retryAfter: 1 } };
    if (!(error instanceof ApiError)) throw error;
    if (error.code === 'rate.limited') {
      return { limited: { user, retryAfter: error.options.retryAfter ?? 1 } };
    }
    if (error.code === 'key.identity-unknown' || error.code === 'key.list-unknown') {
      return { unknown: user };
    }
    throw error;
  }
}

function toBundle(user: UserId, rows: readonly IssuedRow[]): Bundle | undefined {
  const [first] = rows;
  if (first === undefined) return undefined;
  const { identity_key: identityKey, device_list: deviceList } = first;
  return { user, identityKey, deviceList, devices: rows.flatMap(toDeviceBundle) };
}

function toDeviceBundle(row: IssuedRow): DeviceBundle[] {
  const { device_id, one_time_id, one_time_key } = row;
  if (device_id === null) return [];
  const bundle = {
    device: device_id,
    registrationId: row.registration_id,
    signedPrekey: {
      id: row.signed_id,
      publicKey: row.signed_key,
      suites: row.suites,
      signature: row.signature,
    },
  };
  if (one_time_id === null || one_time_key === null) return [bundle];
  return [{ ...bundle, oneTimePrekey: { id: one_time_id, publicKey: one_time_key } }];
}

async function nothingToIssue({ database }: KeyDeps, user: UserId): Promise<ApiError> {
  const identity = await database.query
    .selectFrom('identity_keys')
    .select('user_id')
    .where('user_id', '=', user)
    .executeTakeFirst();
  return new ApiError(identity === undefined ? 'key.identity-unknown' : 'key.list-unknown');
}

/** Counts a bundle that has left, and sees to it that its owner hears when prekeys run low. The caller waits for neither. */
function note(deps: KeyDeps, caller: Caller, rows: readonly IssuedRow[]): void {
  deps.counts.note('bundles.fetched', caller);
  const devices = rows.filter(({ device_id }) => device_id !== null);
  const degraded = devices.filter(({ one_time_id }) => one_time_id === null).length;
  deps.events.bundleIssued({ devices: devices.length, degraded });
  const low = devicesRunningLow(rows);
  if (low.length > 0) tellLow(deps, low).catch(deps.events.tellingLowFailed);
}
