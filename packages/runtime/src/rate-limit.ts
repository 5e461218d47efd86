/**
 * How often something may be done: by a user, from an address, to somebody.
 *
 * Limits are kept with the counters, so one budget holds over all processes that share a Redis. Each says what it is
 * when Redis is out of reach: open goes on with a budget of this process, closed refuses.
 */
import { hash } from 'node:crypto';
import type { ApiError } from '@sotto/api';
import { RateLimiterRes } from 'rate-limiter-flexible';
import { type Budget, createMemoryBudget, seconds } from './budgets.ts';
import type { Counters } from './counters.ts';
import type { Metrics } from './metrics.ts';
import { ProblemWithHeaders } from './problem-response.ts';
import { unavailable } from './unavailable.ts';

export interface LimitRule {
  points: number;
  windowMs: number;
  /** Points on top, for those who used up theirs; they come back a window of their own after the first was taken. */
  burst?: { points: number; windowMs: number };
  /** From the moment that all points are gone, nothing goes for so long; then there are all points again. */
  lockMs?: number;
  /** `open`: this process counts by itself while the shared counters are gone. `closed`: nothing goes then. */
  whenGone: 'open' | 'closed';
}

/** What a key has left, for the headers of an answer. */
export interface Standing {
  limit: number;
  remaining: number;
  resetMs: number;
}

/** Keys may be anything, also long or secret: only their digests are kept. Every method may throw `service.unavailable` when the limit is `closed`. */
export interface Limiter {
  /** Takes points, or throws `rate.limited` when there are not as many. */
  take(key: string, points?: number): Promise<Standing>;
  /** Throws `rate.limited` when none are left. Takes none. */
  check(key: string): Promise<void>;
  /** Takes points, also those that are not there, without a refusal. True for the one that took the last. */
  count(key: string, points?: number): Promise<boolean>;
  /** Gives points back. */
  give(key: string, points?: number): Promise<void>;
  /** Gives all points back, and ends a lock. */
  reset(key: string): Promise<void>;
}

export interface Limiters {
  /** The same name means the same points, here and in every process that shares the counters. */
  limiter(name: string, rule: LimitRule): Limiter;
}

export interface LimitersOptions {
  counters: Pick<Counters, 'budget'>;
  metrics: Metrics;
}

/** Limits over the counters. Call it once for each registry of metrics. */
export function createLimiters({ counters, metrics }: LimitersOptions): Limiters {
  const decisions = metrics.counter(
    'limiter_decisions_total',
    'What limiters said, and whether all processes together (shared) or this one alone (own) counted',
    ['limiter', 'decision', 'counted'],
  );
  return {
    limiter(name, rule) {
      const decide: Decide = (decision, counted) => {
        decisions.inc({ limiter: name, decision, counted });
      };
      return createLimiter((part, given) => counters.budget(`${name}${part}`, given), rule, decide);
    },
  };
}

type Decision = 'allowed' | 'refused' | 'unavailable';
type Counted = 'shared' | 'own';
type Decide = (decision: Decision, counted: Counted) => void;
type OpenBudget = (part: string, rule: Omit<LimitRule, 'burst' | 'whenGone'>) => Budget;

function createLimiter(open: OpenBudget, rule: LimitRule, decide: Decide): Limiter {
  const shared = createPurse(open, rule);
  let own: Purse | undefined;

  /** With the shared points, or, when those cannot be had, as the rule says. */
  async function spend<T>(work: (purse: Purse, counted: Counted) => Promise<T>): Promise<T> {
    try {
      return await work(shared, 'shared');
    } catch (error) {
      if (error instanceof RateLimiterRes) throw refused(error, 'shared');
      if (rule.whenGone === 'closed') {
        decide('unavailable', 'shared');
        throw unavailable(error);
      }
    }
    own ??= createPurse((_, given) => createMemoryBudget(given), rule);
    try {
      return await work(own, 'own');
    } catch (error) {
      throw error instanceof RateLimiterRes ? refused(error, 'own') : error;
    }
  }

  function refused({ msBeforeNext }: RateLimiterRes, counted: Counted): ApiError {
    decide('refused', counted);
    const retryAfter = Math.max(1, seconds(msBeforeNext));
    const headers = limitHeaders({ limit: rule.points, remaining: 0, resetMs: msBeforeNext });
    return new ProblemWithHeaders('rate.limited', headers, { retryAfter });
  }

  return {
    async take(key, points = 1) {
      const left = await spend(async (purse, counted) => {
        const taken = await purse.take(digest(key), points);
        decide('allowed', counted);
        return taken;
      });
      return { limit: rule.points, remaining: left.remainingPoints, resetMs: left.msBeforeNext };
    },
    check: (key) => spend((purse) => purse.check(digest(key))),
    count: (key, points = 1) => spend((purse) => purse.count(digest(key), points)),
    give: (key, points = 1) => spend((purse) => purse.give(digest(key), points)),
    reset: (key) => spend((purse) => purse.reset(digest(key))),
  };
}

function digest(key: string): string {
  return hash('sha256', key, 'base64url');
}

/** `RateLimit-*` as services have sent them for years; the draft that joins them into one is not done. */
export function limitHeaders({ limit, remaining, resetMs }: Standing): Record<string, string> {
  return {
    'ratelimit-limit': String(limit),
    'ratelimit-remaining': String(remaining),
    'ratelimit-reset': String(seconds(resetMs)),
  };
}

/** The points of one rule in one place. Rejects with a RateLimiterRes for too many. */
interface Purse {
  take(key: string, points: number): Promise<RateLimiterRes>;
  check(key: string): Promise<void>;
  count(key: string, points: number): Promise<boolean>;
  give(key: string, points: number): Promise<void>;
  reset(key: string): Promise<void>;
}

function createPurse(open: OpenBudget, rule: LimitRule): Purse {
  const { burst, lockMs = 0 } = rule;
  const budget = open('', rule);
  const extra = burst && open('-burst', burst);

  return {
    async take(key, points) {
      try {
        return await budget.consume(key, points);
      } catch (refusal) {
        if (extra === undefined || !(refusal instanceof RateLimiterRes)) throw refusal;
        return sooner(
          refusal,
          await extra.consume(key, points).catch((also) => {
            throw also instanceof RateLimiterRes ? sooner(refusal, also) : also;
          }),
        );
      }
    },
    async check(key) {
      const [spent, spentExtra] = await Promise.all([budget.get(key), extra?.get(key)]);
      if (spent === null || spent.consumedPoints < rule.points) return;
      if (burst === undefined) throw spent;
      if (spentExtra && spentExtra.consumedPoints >= burst.points) throw sooner(spent, spentExtra);
    },
    async count(key, points) {
      const spent = await budget.penalty(key, points);
      const justGone =
        spent.consumedPoints >= rule.points && spent.consumedPoints - points < rule.points;
      if (lockMs > 0 && justGone) await budget.block(key, seconds(lockMs));
      return justGone;
    },
    async give(key, points) {
      await budget.reward(key, points);
    },
    async reset(key) {
      await Promise.all([budget.delete(key), extra?.delete(key)]);
    },
  };
}

/** What is told of two budgets: the one that has points again first. */
function sooner(one: RateLimiterRes, other: RateLimiterRes): RateLimiterRes {
  return one.msBeforeNext <= other.msBeforeNext ? one : other;
}
