/** What happens in the auth service, counted and logged. Nothing here can say to whom. */
import type { Logger, Metrics } from '@sotto/runtime';

/** What somebody tried to show who they are with: to log in, to confirm what a session may not do alone, to recover. */
export type Means = 'password' | 'device' | 'confirmation' | 'recovery';

export interface AuthEvents {
  registered(): void;
  loggedIn(by: 'password' | 'device'): void;
  loginFailed(by: Means): void;
  /** So many wrong passwords that the account is locked for where they came from. */
  locked(): void;
  /** A try had to wait for its turn: the account has seen many failures from anywhere. */
  loginSlowed(): void;
  refreshed(): void;
  /** A refresh token was used after its time: its session is ended, because two hold its tokens. */
  refreshReused(): void;
  sessionsEnded(count: number): void;
  hashed(): void;
  hashingBusy(): void;
}

/** The events of one process. */
export function createEvents(metrics: Metrics, log: Logger): AuthEvents {
  const registrations = metrics.counter('registrations_total', 'Accounts made');
  const logins = metrics.counter('logins_total', 'Log-ins by means and outcome', ['by', 'outcome']);
  const lockouts = metrics.counter(
    'lockouts_total',
    'Accounts locked for where failures came from',
  );
  const slowed = metrics.counter('logins_slowed_total', 'Tries that had to wait for their turn');
  const refreshes = metrics.counter('refreshes_total', 'Refresh tokens by outcome', ['outcome']);
  // Alerts look for the first of them, which would not be a rise if there were no number before it.
  for (const outcome of ['ok', 'reused']) refreshes.inc({ outcome }, 0);
  const ended = metrics.counter('sessions_ended_total', 'Sessions that ended before their time');
  const hashes = metrics.counter('password_hashes_total', 'Passwords hashed');
  const busy = metrics.counter('hashing_busy_total', 'Passwords turned away by a full queue');
  return {
    registered: () => registrations.inc(),
    loggedIn: (by) => logins.inc({ by, outcome: 'ok' }),
    loginFailed: (by) => logins.inc({ by, outcome: 'failed' }),
    locked: () => lockouts.inc(),
    loginSlowed: () => slowed.inc(),
    refreshed: () => refreshes.inc({ outcome: 'ok' }),
    refreshReused() {
      refreshes.inc({ outcome: 'reused' });
      log.warn('a refresh token was used after its time');
    },
    sessionsEnded: (count) => ended.inc(count),
    hashed: () => hashes.inc(),
    hashingBusy: () => busy.inc(),
  };
}
