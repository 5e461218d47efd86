/**
 * Bytes that requests bring in vain: those of a body with a checksum that breaks off or is another one are in the store,
 * and in nobody's file. They count for the day in which they came, so that nobody brings more than a day's bytes.
 */
import { ApiError, type UserId } from '@sotto/api';
import type { Events } from './events.ts';
import type { ReservationDeps } from './reservations.ts';
import { readToday, takeFromToday } from './usage-days-store.ts';

type WasteDeps = Pick<ReservationDeps, 'query' | 'dailyBytes'>;

/** What is reserved never exceeds a day; only what came in vain does. Throws `file.daily-limit` then. */
export async function assertWithinDay(
  { query, dailyBytes }: WasteDeps,
  owner: UserId,
): Promise<void> {
  const { bytes, secondsLeft: retryAfter } = await readToday(query, owner);
  if (bytes > dailyBytes) throw new ApiError('file.daily-limit', { retryAfter, bytesLeft: 0 });
}

/** Never throws: what became of the request is the thing to tell. */
export async function countWaste(
  { query, events }: Pick<WasteDeps, 'query'> & { events: Pick<Events, 'uncounted'> },
  owner: UserId,
  bytes: number,
): Promise<void> {
  if (bytes <= 0) return;
  await takeFromToday(query, owner, bytes).catch(events.uncounted);
}
