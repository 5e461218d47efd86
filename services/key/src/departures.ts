/**
 * Devices and accounts that auth has ended. Their keys go, and a mark stays, so that an access token which outlives
 * its session by seconds brings nothing back.
 */
import { ApiError, type DeviceId, type UserId } from '@sotto/api';
import type { Event } from '@sotto/api/internal';
import { type Bus, type Closable, consumeEvent } from '@sotto/runtime';
import {
  deleteDevice,
  eraseAccountRows,
  isGone,
  lockAccount,
  markErased,
  markRetired,
} from './departure-store.ts';
import { lockIdentity } from './device-list-store.ts';
import { tellListChange } from './device-lists.ts';
import type { KeyDeps } from './key-deps.ts';
import type { KeyTransaction } from './store.ts';

/** Hears of departures until it is closed. Of several processes one gets each event; hearing it twice changes nothing. */
export async function consumeDepartures(
  bus: Bus,
  deps: Pick<KeyDeps, 'database' | 'outbox' | 'events' | 'clock'>,
): Promise<Closable> {
  const consumers = await Promise.all([
    consumeEvent(bus, 'key-retired-devices', 'events.device.retired', (event) =>
      retireDevice(deps, event),
    ),
    consumeEvent(bus, 'key-erasure', 'events.account.deleted', (event) =>
      eraseAccount(deps, event.user),
    ),
  ]);
  return {
    async close() {
      await Promise.all(consumers.map((consumer) => consumer.close()));
    },
  };
}

/**
 * Within a transaction that makes a device known: nothing can end it meanwhile. Throws `auth.token-invalid` for a device
 * or an account that has ended.
 */
export async function admitDevice(
  transaction: KeyTransaction,
  { user, device }: { user: UserId; device: DeviceId },
): Promise<void> {
  await lockAccount(transaction, user);
  if (await isGone(transaction, { user, device })) throw new ApiError('auth.token-invalid');
}

/** Deletes a device's keys and takes it out of effect, whatever list still names it. */
async function retireDevice(
  { database, outbox, events, clock }: Pick<KeyDeps, 'database' | 'outbox' | 'events' | 'clock'>,
  { user, device }: Event<'events.device.retired'>,
): Promise<void> {
  const isChange = await database.query.transaction().execute(async (transaction) => {
    await lockAccount(transaction, user);
    await markRetired(transaction, { user, device, at: new Date(clock()) });
    await lockIdentity(transaction, user);
    const wasListed = await deleteDevice(transaction, device);
    if (wasListed) await tellListChange(transaction, user);
    return wasListed;
  });
  if (!isChange) return;
  events.deviceListChanged();
  outbox.nudge();
}

/** Deletes everything of an account but its leaves in the key log, which name nobody once the account is gone. */
async function eraseAccount(
  { database, clock }: Pick<KeyDeps, 'database' | 'clock'>,
  user: UserId,
): Promise<void> {
  await database.query.transaction().execute(async (transaction) => {
    await lockAccount(transaction, user);
    await markErased(transaction, { user, at: new Date(clock()) });
    await eraseAccountRows(transaction, user);
  });
}
