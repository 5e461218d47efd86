/**
 * How often something may be tried.
 *
 * Both limiters are open when the counters are out of reach: the hashing queue still bounds how fast passwords can be
 * guessed and accounts be made, and a dead Redis must not lock everybody out.
 */
import { createHash } from 'node:crypto';
import { ApiError } from '@sotto/api';
import type { Count, Counters } from '@sotto/runtime';
import type { AuthEvents } from './events.ts';

export interface AttemptLimit {
  /** Names the limiter in keys, logs and metrics. */
  name: 'login' | 'register';
  max: number;
  windowMs: number;
}

/** Attempts of one kind. A subject is what is counted for: it is kept as a digest only. */
export interface Attempts {
  /** Throws `rate.limited` when the subject has none left. Takes none. */
  check(subject: string): Promise<void>;
  /** Takes one. */
  count(subject: string): Promise<void>;
  /** Takes one, or throws `rate.limited` when there is none left. */
  spend(subject: string): Promise<void>;
}

export interface AttemptsDeps {
  counters: Counters;
  events: AuthEvents;
}

/** A limiter over the counters, one budget for all auth processes that share them. */
export function createAttempts({ counters, events }: AttemptsDeps, limit: AttemptLimit): Attempts {
  const { name, max, windowMs } = limit;

  function keyOf(subject: string): string {
    return `auth:${name}:${createHash('sha256').update(subject).digest('base64url')}`;
  }

  async function ask(work: () => Promise<Count | undefined>): Promise<Count | undefined> {
    try {
      return await work();
    } catch (error) {
      events.limiterOpen(name, error);
      return undefined;
    }
  }

  function refuse({ resetMs }: Count): never {
    events.limited(name);
    throw new ApiError('rate.limited', { retryAfter: Math.max(1, Math.ceil(resetMs / 1000)) });
  }

  return {
    async check(subject) {
      const read = await ask(() => counters.read(keyOf(subject)));
      if (read !== undefined && read.count >= max) refuse(read);
    },
    async count(subject) {
      await ask(() => counters.increment(keyOf(subject), windowMs));
    },
    async spend(subject) {
      const taken = await ask(() => counters.increment(keyOf(subject), windowMs));
      if (taken !== undefined && taken.count > max) refuse(taken);
    },
  };
}
