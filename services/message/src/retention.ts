/**
 * What is kept for a time only: a message until the moment that its sender named, a week of messages until the
 * platform's retention has passed, ids a week longer than that (DESIGN 2.1).
 *
 * Readers go by the times themselves, so nothing here is awaited by anybody: it frees the disk.
 */
import type { Clock, Database, Logger } from '@sotto/runtime';
import { DAY_MS, RETENTION_EVERY_MS, RETENTION_TICK_MS } from './limits.ts';
import { type MessageAges, rememberedMs } from './message-age.ts';
import {
  deleteOldIds,
  dropWeek,
  emptyExpired,
  findOldWeeks,
  raiseFirsts,
  raiseIdsFrom,
} from './retention-store.ts';
import type { Tables } from './schema.ts';

export interface RetentionDeps {
  database: Pick<Database<Tables>, 'query'>;
  /** How long messages are kept. */
  days: number;
  ages: Pick<MessageAges, 'raise'>;
  clock: Clock;
  log: Logger;
}

/** Ends what is over, now and again and again, until it is closed. Rejects when the database cannot be asked. */
export async function startRetention(deps: RetentionDeps): Promise<{ close(): Promise<void> }> {
  const { database, days, ages, clock, log } = deps;
  const closing = new AbortController();
  // Before the first message is taken.
  ages.raise(await raiseIdsFrom(database, rememberedMs(days)));
  let endedAt = 0;
  async function turn(): Promise<void> {
    await repeatedly(() => emptyExpired(database), closing.signal);
    const now = clock();
    if (Math.abs(now - endedAt) < RETENTION_EVERY_MS) return;
    await endWeeks(deps, closing.signal);
    await endIds(deps, closing.signal);
    endedAt = now;
  }
  let isWorking = false;
  let working = Promise.resolve();
  function begin(): void {
    if (isWorking) return;
    isWorking = true;
    working = turn()
      .catch((error) => log.warn('what is over cannot be removed yet', { error }))
      .finally(() => {
        isWorking = false;
      });
  }
  begin();
  const timer = setInterval(begin, RETENTION_TICK_MS);
  return {
    async close() {
      closing.abort();
      clearInterval(timer);
      await working;
    },
  };
}

/** Drops the weeks that ended long enough ago. It may be broken off anywhere, and run by two at once. */
export async function endWeeks(
  { database, days }: Pick<RetentionDeps, 'database' | 'days'>,
  signal?: AbortSignal,
): Promise<void> {
  for (const week of await findOldWeeks(database, days)) {
    if (signal?.aborted) return;
    try {
      await endWeek(database, week, signal);
    } catch (error) {
      // Another node was faster.
      if (!isAbsent(error)) throw error;
    }
  }
}

/** Whoever reads in between is told that the week is gone while it is there, never the contrary. */
async function endWeek(
  database: RetentionDeps['database'],
  week: string,
  signal?: AbortSignal,
): Promise<void> {
  let last = await raiseFirsts(database, week);
  while (last !== undefined && !signal?.aborted) last = await raiseFirsts(database, week, last);
  if (!signal?.aborted) await dropWeek(database, week);
}

/** PostgreSQL's `undefined_table`. */
function isAbsent(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === '42P01';
}

/** Forgets ids that no node takes any more. It may be broken off anywhere, and run by two at once. */
export async function endIds(
  { database, days, ages }: Pick<RetentionDeps, 'database' | 'days' | 'ages'>,
  signal?: AbortSignal,
): Promise<void> {
  const from = await raiseIdsFrom(database, rememberedMs(days));
  ages.raise(from);
  // Other nodes hear of it at their own turns, and have clocks of their own.
  await repeatedly(() => deleteOldIds(database, from - DAY_MS), signal);
}

/** Does some of a work at a time until nothing is left of it. */
async function repeatedly(work: () => Promise<number>, signal?: AbortSignal): Promise<void> {
  while (!signal?.aborted && (await work()) > 0);
}
