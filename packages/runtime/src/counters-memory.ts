/** Counters of a platform that is one process: bounded maps. */
import { ApiError } from '@sotto/api';
import { type Budget, createMemoryBudget } from './budgets.ts';
import type { Counters } from './counters.ts';
import {
  CLAIMS_MAKE_ROOM_MS,
  CLAIMS_MEMORY_MAX,
  COUNTERS_MEMORY_KEYS_MAX,
  COUNTERS_SWEEP_MS,
} from './limits.ts';
import type { Clock } from './service.ts';

interface Entry {
  count: number;
  text: string;
  endsAt: number;
}

export interface MemoryCountersOptions {
  clock?: Clock;
}

/**
 * Counters for one process. When full, the count or text that was made first goes first. Claims never do: one that is
 * forgotten makes a used proof good again. When they are full, further ones are refused until some have ended.
 */
export function createMemoryCounters({ clock = Date.now }: MemoryCountersOptions = {}): Counters {
  const entries = new Map<string, Entry>();
  const claims = createClaims(clock);
  const budgets = new Map<string, Budget>();
  const sweeper = setInterval(sweep, COUNTERS_SWEEP_MS).unref();

  function sweep(): void {
    const now = clock();
    for (const [key, { endsAt }] of entries) if (endsAt <= now) entries.delete(key);
    claims.sweep();
  }

  /** The live entry of a key. An entry that has ended counts as absent before the sweeper comes. */
  function find(key: string): Entry | undefined {
    const entry = entries.get(key);
    return entry !== undefined && entry.endsAt > clock() ? entry : undefined;
  }

  function put(key: string, entry: Entry): void {
    // Deleting first moves the key to the end of the map's order.
    entries.delete(key);
    if (entries.size >= COUNTERS_MEMORY_KEYS_MAX) {
      const [oldest] = entries.keys();
      if (oldest !== undefined) entries.delete(oldest);
    }
    entries.set(key, entry);
  }

  return {
    async increment(key, windowMs) {
      const now = clock();
      const entry = find(`n:${key}`) ?? { count: 0, text: '', endsAt: now + windowMs };
      entry.count++;
      if (entry.count === 1) put(`n:${key}`, entry);
      return { count: entry.count, resetMs: entry.endsAt - now };
    },
    async read(key) {
      const entry = find(`n:${key}`);
      return entry && { count: entry.count, resetMs: entry.endsAt - clock() };
    },
    async claim(key, ttlMs) {
      return claims.claim(key, ttlMs);
    },
    async put(key, value, ttlMs) {
      put(`t:${key}`, { count: 0, text: value, endsAt: clock() + ttlMs });
    },
    async take(key) {
      const entry = find(`t:${key}`);
      entries.delete(`t:${key}`);
      return entry?.text;
    },
    budget(name, rule) {
      const { points, windowMs, lockMs } = rule;
      const id = [name, points, windowMs, lockMs].join(' ');
      const budget = budgets.get(id) ?? createMemoryBudget(rule);
      budgets.set(id, budget);
      return budget;
    },
    async ping() {},
    async close() {
      clearInterval(sweeper);
      entries.clear();
      claims.clear();
    },
  };
}

/** What is claimed, by when each claim ends. */
function createClaims(clock: Clock) {
  const ends = new Map<string, number>();
  let sweptAt = Number.NEGATIVE_INFINITY;

  function sweep(): void {
    sweptAt = clock();
    for (const [key, endsAt] of ends) if (endsAt <= sweptAt) ends.delete(key);
  }

  return {
    sweep,
    claim(key: string, ttlMs: number): boolean {
      const now = clock();
      if ((ends.get(key) ?? now) > now) return false;
      if (ends.size >= CLAIMS_MEMORY_MAX && now - sweptAt >= CLAIMS_MAKE_ROOM_MS) sweep();
      if (ends.size >= CLAIMS_MEMORY_MAX && !ends.has(key)) {
        throw new ApiError('service.unavailable', { detail: 'too much at once', retryAfter: 1 });
      }
      ends.set(key, now + ttlMs);
      return true;
    },
    clear: () => ends.clear(),
  };
}
