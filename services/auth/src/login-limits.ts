/**
 * How fast passwords may be guessed (DESIGN 5).
 *
 * Failures lock the account for the source that they came from, and for that one alone; many of them from one source lock
 * the source out of all accounts, but for the devices behind it that those know; and many for one account, from wherever,
 * slow the account down: tries then take turns, so that a thousand addresses guess no faster than a few. None of it touches
 * sessions that are open, nor a device that the account knows: a guesser must not be able to keep the owner out.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiError, type DeviceId } from '@sotto/api';
import type { Limiter } from '@sotto/runtime';
import type { AuthEvents } from './events.ts';
import { LOGIN_TURN_POLL_MS, LOGIN_TURN_WAIT_MS, LOGIN_TURNS_WAITING_MAX } from './limits.ts';
import type { Source } from './source.ts';

/** One try of a password. Whether there is such an account makes no difference. */
export interface Try {
  usernameKey: string;
  source: Source;
  /** The account's device that has shown its key. Any other counts as none, or each made-up one would bring new tries. */
  knownDevice: DeviceId | undefined;
}

export interface LoginLimits {
  /** Before a password is looked at. Waits for a turn if it must. Throws `rate.limited`. */
  admit(attempt: Try): Promise<void>;
  /** Again, when its hash is about to be made: what was sent in parallel does not outrun the count. */
  admitAgain(attempt: Try): Promise<void>;
  /** After a wrong password. True for the one of a burst that locked the account for its source. */
  fail(attempt: Try): Promise<boolean>;
}

/** Each with its rule; all are open when the counters are gone, because the hashing queue bounds guessing too. */
export interface LoginLimiters {
  /** By account and source, and by device where it is known. */
  failures: Limiter;
  failuresOfSource: Limiter;
  failuresOfAccount: Limiter;
  turnsOfAccount: Limiter;
}

/** The limits of one process; what is counted is shared by all. */
export function createLoginLimits(
  limiters: LoginLimiters,
  events: Pick<AuthEvents, 'loginSlowed'>,
): LoginLimits {
  const { failures, failuresOfSource, failuresOfAccount, turnsOfAccount } = limiters;
  const waitForTurn = createTurns(turnsOfAccount);

  async function admitAgain(attempt: Try): Promise<void> {
    await Promise.all([
      // What others fail at behind the same address is not a known device's doing.
      attempt.knownDevice === undefined && failuresOfSource.check(attempt.source.key),
      failures.check(subjectOf(attempt)),
    ]);
  }

  return {
    admitAgain,
    async admit(attempt) {
      const [isSlow] = await Promise.all([
        attempt.knownDevice === undefined && isExhausted(failuresOfAccount, attempt.usernameKey),
        admitAgain(attempt),
      ]);
      if (!isSlow) return;
      events.loginSlowed();
      await waitForTurn(attempt.usernameKey);
    },
    async fail(attempt) {
      const subject = subjectOf(attempt);
      const [isLast] = await Promise.all([
        failures.count(subject),
        failuresOfSource.count(attempt.source.key),
        attempt.knownDevice === undefined && failuresOfAccount.count(attempt.usernameKey),
      ]);
      return isLast;
    },
  };
}

/** What failures are counted by: nobody else's use up those of a known device. */
export function subjectOf({ usernameKey, source, knownDevice = '' as DeviceId }: Try): string {
  return `${source.key}\n${knownDevice}\n${usernameKey}`;
}

/** Whether no points are left; `take` takes one if there is one. */
export async function isExhausted(
  limiter: Limiter,
  key: string,
  how: 'check' | 'take' = 'check',
): Promise<boolean> {
  try {
    await limiter[how](key);
    return false;
  } catch (error) {
    if (isLimited(error)) return true;
    throw error;
  }
}

function isLimited(error: unknown): error is ApiError {
  return error instanceof ApiError && error.code === 'rate.limited';
}

/** A wait costs a timer and an open request, and neither a hash nor a connection to the database. */
function createTurns(turns: Limiter): (key: string) => Promise<void> {
  let waiting = 0;

  async function wait(key: string): Promise<void> {
    const deadline = performance.now() + LOGIN_TURN_WAIT_MS;
    for (;;) {
      try {
        await turns.take(key);
        return;
      } catch (error) {
        if (!isLimited(error) || performance.now() > deadline) throw error;
      }
      // Not all at once, and nobody by a clock that the others could foresee.
      await sleep(LOGIN_TURN_POLL_MS * (0.5 + Math.random()));
    }
  }

  return async (key) => {
    if (waiting >= LOGIN_TURNS_WAITING_MAX) throw new ApiError('rate.limited', { retryAfter: 2 });
    waiting++;
    try {
      await wait(key);
    } finally {
      waiting--;
    }
  };
}
