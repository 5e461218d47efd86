/**
 * Telling devices that few of their one-time prekeys are left, once for each mark that their uploads have reached.
 *
 * A device's ids rise without holes, so what is left is the mark less the id just claimed: no fetch has to count. Where
 * ids do have holes, it is told late, at the latest when it has run out.
 */
import { type DeviceId, ONE_TIME_PREKEYS_LOW } from '@sotto/api';
import { enqueueEvent } from '@sotto/runtime';
import { sql } from 'kysely';
import type { IssuedRow } from './bundle-store.ts';
import type { KeyDeps } from './key-deps.ts';

/** Of a claim's rows, the devices that are to be told. */
export function devicesRunningLow(rows: readonly IssuedRow[]): DeviceId[] {
  return rows.flatMap((row) => {
    const { device_id: device, one_time_mark: mark, low_told_mark: told, one_time_id: id } = row;
    if (device === null || told >= mark) return [];
    return mark - (id ?? mark) < ONE_TIME_PREKEYS_LOW ? [device] : [];
  });
}

/** Tells them, unless another process has: of many claims at a crossing one tells. */
export async function tellLow(
  { database, outbox, events }: Pick<KeyDeps, 'database' | 'outbox' | 'events'>,
  devices: readonly DeviceId[],
): Promise<void> {
  const told = await database.query.transaction().execute(async (transaction) => {
    // A device whose upload is under way is skipped: it will have enough, or be told by the next claim.
    const { rows } = await sql<{ device: DeviceId; available: number }>`
      update devices set low_told_mark = one_time_mark where id in (
        select id from devices where id = any(${devices}::uuid[]) and low_told_mark < one_time_mark
        order by id for no key update skip locked
      )
      returning id as device,
        (select count(*) from one_time_prekeys where device_id = devices.id) as available
    `.execute(transaction);
    for (const event of rows) await enqueueEvent(transaction, 'events.prekeys.low', event);
    return rows.length;
  });
  if (told === 0) return;
  events.prekeysLow(told);
  outbox.nudge();
}
