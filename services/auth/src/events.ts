/** What happens in the auth service, counted and logged. Nothing here can say to whom. */
import type { Logger, Metrics } from '@sotto/runtime';

export interface AuthEvents {
  registered(): void;
  loggedIn(): void;
  loginFailed(): void;
  refreshed(): void;
  /** A refresh token was used after its time: its session is ended, because two hold its tokens. */
  refreshReused(): void;
  sessionsEnded(count: number): void;
  limited(limiter: string): void;
  /** A limiter let something pass because the counters did not answer. */
  limiterOpen(limiter: string, error: unknown): void;
  hashingBusy(): void;
}

/** The events of one process. */
export function createEvents(metrics: Metrics, log: Logger): AuthEvents {
  const registrations = metrics.counter('registrations_total', 'Accounts made');
  const logins = metrics.counter('logins_total', 'Log-ins by outcome', ['outcome']);
  const refreshes = metrics.counter('refreshes_total', 'Refresh tokens by outcome', ['outcome']);
  const ended = metrics.counter('sessions_ended_total', 'Sessions that ended before their time');
  const limits = metrics.counter('limiter_decisions_total', 'Limiters that refused or were open', [
    'limiter',
    'decision',
  ]);
  const busy = metrics.counter('hashing_busy_total', 'Passwords turned away by a full queue');
  return {
    registered: () => registrations.inc(),
    loggedIn: () => logins.inc({ outcome: 'ok' }),
    loginFailed: () => logins.inc({ outcome: 'failed' }),
    refreshed: () => refreshes.inc({ outcome: 'ok' }),
    refreshReused() {
      refreshes.inc({ outcome: 'reused' });
      log.warn('a refresh token was used after its time');
    },
    sessionsEnded: (count) => ended.inc(count),
    limited: (limiter) => limits.inc({ limiter, decision: 'refused' }),
    limiterOpen(limiter, error) {
      limits.inc({ limiter, decision: 'open' });
      log.warn('a limiter is open', { name: limiter, error });
    },
    hashingBusy: () => busy.inc(),
  };
}
