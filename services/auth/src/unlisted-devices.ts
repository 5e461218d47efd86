/**
 * Which devices of a full account the key service has on no list. What is known of that here (`has_keys`) comes by
 * events, which may lag by hours: a device that has published its keys long ago must not give way for it.
 */
import { ApiError, type DeviceId, type UserId } from '@sotto/api';
import { findDeviceList } from '@sotto/api/internal';
import { callPeer, type Database, type Fetch } from '@sotto/runtime';
import { withoutLiveSession } from './device-store.ts';
import type { AuthTables } from './schema.ts';
import { activeDevices } from './store.ts';

/** Devices that are logged in, or may be, and that no list names. */
export type Unlisted = ReadonlySet<DeviceId>;

/**
 * Asks the key service. Not to be called within a transaction, which must not wait for another service. Empty when none
 * are in doubt, and when the key service does not answer.
 */
export type FindUnlisted = (who: { user: UserId; at: Date }) => Promise<Unlisted>;

export interface UnlistedOptions {
  database: Pick<Database<AuthTables>, 'query'>;
  key: Fetch;
  internalSecret: string;
}

export function createFindUnlisted({
  database: { query },
  key,
  internalSecret,
}: UnlistedOptions): FindUnlisted {
  return async ({ user, at }) => {
    const devices = await activeDevices(query, user);
    const withoutKeys = devices.filter(({ has_keys }) => !has_keys).map(({ id }) => id);
    const idle = await withoutLiveSession(query, { devices: withoutKeys, at });
    const inDoubt = new Set(withoutKeys).difference(new Set(idle));
    if (inDoubt.size === 0) return NONE;
    try {
      const input = { params: { user_id: user } };
      const { list } = await callPeer(key, findDeviceList, input, internalSecret);
      return inDoubt.difference(new Set(list?.devices));
    } catch {
      // Unknown is not unused: whoever wants room is told that there is none, and may come again.
      return NONE;
    }
  };
}

/**
 * Does what needs room for a device, in a transaction of its own, and when there is none once more with the devices that
 * the key service has on no list. Throws what the attempt does.
 */
export async function withRoom<Outcome>(
  findUnlisted: FindUnlisted,
  who: { user: UserId; at: Date },
  attempt: (unlisted: Unlisted) => Promise<Outcome>,
): Promise<Outcome> {
  try {
    return await attempt(NONE);
  } catch (error) {
    if (!(error instanceof ApiError) || error.code !== 'auth.device-limit') throw error;
    const unlisted = await findUnlisted(who);
    if (unlisted.size === 0) throw error;
    return attempt(unlisted);
  }
}

const NONE: Unlisted = new Set();
