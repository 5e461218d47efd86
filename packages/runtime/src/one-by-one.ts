/** What drains: many connections, ended one after the other. */
import { setTimeout as sleep } from 'node:timers/promises';
import { DRAIN_GAP_MS, DRAIN_SPREAD_MS } from './limits.ts';

/**
 * Starts the end of each, DRAIN_GAP_MS apart and the last one within DRAIN_SPREAD_MS, so that those who were connected
 * do not all come back in one moment. Resolves when all have ended.
 */
export async function endOneByOne<T>(
  items: Iterable<T>,
  end: (item: T) => Promise<void>,
): Promise<void> {
  const all = [...items];
  const gapMs = Math.min(DRAIN_GAP_MS, DRAIN_SPREAD_MS / all.length);
  const started = performance.now();
  await Promise.all(
    all.map(async (item, place) => {
      const dueMs = started + place * gapMs - performance.now();
      if (dueMs > 0) await sleep(dueMs);
      await end(item);
    }),
  );
}
