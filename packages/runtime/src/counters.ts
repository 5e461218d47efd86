/**
 * Short-lived shared numbers: attempts in a window, values used once.
 *
 * Two adapters keep this contract, `counters-memory.ts` and `counters-redis.ts`; `counters.contract.ts` holds both to it.
 */

import type { Budget, BudgetRule } from './budgets.ts';

export interface Count {
  /** How many times the key was counted in its window, this time included. */
  count: number;
  /** Milliseconds until the window ends. */
  resetMs: number;
}

export interface Counters {
  /** Adds one to a key in one atomic step. The window starts with the first count and lasts `windowMs`. */
  increment(key: string, windowMs: number): Promise<Count>;
  /** What `increment` last said of a key, or undefined when its window has ended. Adds nothing. */
  read(key: string): Promise<Count | undefined>;
  /**
   * True the first time a key is claimed within `ttlMs`, false every other time. Rejects with `service.unavailable`
   * where that cannot be known, and where no more can be remembered: a claim is never forgotten before it ends.
   */
  claim(key: string, ttlMs: number): Promise<boolean>;
  /** Keeps a short text for `ttlMs`. */
  put(key: string, value: string, ttlMs: number): Promise<void>;
  /** Takes a text away and returns it, or undefined: of many takers one gets it. */
  take(key: string): Promise<string | undefined>;
  /** Points that are kept with the counters, for `rate-limit.ts`: one budget for all who give the same name and rule. */
  budget(name: string, rule: BudgetRule): Budget;
  /** Resolves when the counters answer; rejects when they do not within a second. */
  ping(): Promise<void>;
  close(): Promise<void>;
}
