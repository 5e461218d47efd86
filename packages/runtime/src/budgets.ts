/**
 * Points that a key may spend in a window, by rate-limiter-flexible: in Redis, one budget for all processes, or in this
 * process alone. Which limit means what is for `rate-limit.ts` to say.
 */
import type { Redis } from 'ioredis';
import {
  type RateLimiterAbstract,
  RateLimiterMemory,
  RateLimiterRedis,
} from 'rate-limiter-flexible';
import { LIMITER_MEMORY_KEYS_MAX } from './limits.ts';

export interface BudgetRule {
  points: number;
  /** From a key's first point on. Whole seconds. */
  windowMs: number;
  /** Once a key has spent more than it has, it has nothing for so long instead. Whole seconds. */
  lockMs?: number;
}

/**
 * `consume` rejects with a RateLimiterRes when the points are used up, and with an Error when the place where they are
 * counted is out of reach.
 */
export type Budget = Pick<
  RateLimiterAbstract,
  'consume' | 'penalty' | 'reward' | 'get' | 'delete' | 'block'
>;

/** One budget for all who give the same name on the same Redis. */
export function createRedisBudget(redis: Redis, name: string, rule: BudgetRule): Budget {
  return new RateLimiterRedis({
    storeClient: redis,
    keyPrefix: `l:${name}`,
    rejectIfRedisNotReady: true,
    ...optionsOf(rule),
  });
}

/** A budget of this process. Beyond a hundred thousand keys the one that was used longest ago is forgotten. */
export function createMemoryBudget(rule: BudgetRule): Budget {
  const limiter = new RateLimiterMemory(optionsOf(rule));
  const keys = new Set<string>();

  /** Varying the key must not grow the heap. */
  function remember(key: string | number): string {
    const text = String(key);
    // Deleting first moves the key to the end of the set's order.
    if (!keys.delete(text) && keys.size >= LIMITER_MEMORY_KEYS_MAX) {
      const [oldest = ''] = keys;
      keys.delete(oldest);
      void limiter.delete(oldest);
    }
    keys.add(text);
    return text;
  }

  return {
    consume: (key, points) => limiter.consume(remember(key), points),
    penalty: (key, points) => limiter.penalty(remember(key), points),
    reward: (key, points) => limiter.reward(remember(key), points),
    block: (key, seconds) => limiter.block(remember(key), seconds),
    get: (key) => limiter.get(key),
    async delete(key) {
      keys.delete(String(key));
      return limiter.delete(key);
    },
  };
}

function optionsOf({ points, windowMs, lockMs = 0 }: BudgetRule) {
  return { points, duration: seconds(windowMs), blockDuration: seconds(lockMs) };
}

/** Redis counts a window in seconds. */
export function seconds(ms: number): number {
  return Math.ceil(ms / 1000);
}
