/**
 * How often recovery codes may be tried.
 *
 * Nobody guesses 140 random bits, but each try costs a look into the database and a row of the audit log, and no hash
 * holds it up. So a source pays beforehand and gets back what it did not fail at, and an account's rows are bounded.
 */
import type { UserId } from '@sotto/api';
import type { Limiter } from '@sotto/runtime';
import { isExhausted, subjectOf, type Try } from './login-limits.ts';

export interface RecoveryLimits {
  /** Before a code is looked at. Throws `rate.limited`. */
  admit(attempt: Try): Promise<void>;
  /** After a right code. */
  succeed(attempt: Try): Promise<void>;
  /** After a wrong code. True when it is still to be noted: of many for one account, only the first are. */
  fail(attempt: Try, user: UserId | undefined): Promise<boolean>;
}

/** Each with its rule; all are open when the counters are gone. */
export interface RecoveryLimiters {
  /** Shared with log-ins by password. */
  failures: Limiter;
  failuresOfSource: Limiter;
  notes: Limiter;
}

/** The limits of one process; what is counted is shared by all. */
export function createRecoveryLimits(limiters: RecoveryLimiters): RecoveryLimits {
  const { failures, failuresOfSource, notes } = limiters;
  return {
    async admit(attempt) {
      await failures.check(keyOf(attempt));
      if (attempt.knownDevice === undefined) await failuresOfSource.take(attempt.source.key);
    },
    async succeed({ knownDevice, source }) {
      if (knownDevice === undefined) await failuresOfSource.give(source.key);
    },
    async fail(attempt, user) {
      await failures.count(keyOf(attempt));
      // Accounts that are none share one, so that made-up names hide no account's rows.
      return !(await isExhausted(notes, user ?? 'nobody', 'take'));
    },
  };
}

function keyOf(attempt: Try): string {
  return `recover\n${subjectOf(attempt)}`;
}
