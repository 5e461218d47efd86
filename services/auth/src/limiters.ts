/** Every limit of this service with its rule. What each does when the counters are gone stands in the README. */
import type { Limiter, Limiters, LimitsSection } from '@sotto/runtime';
import type { AuthEvents } from './events.ts';
import {
  EXPORTS_PER_HOUR,
  LOGIN_FAILURES_PER_ACCOUNT,
  LOGIN_TURN_MS,
  RECOVERY_NOTES_PER_ACCOUNT,
} from './limits.ts';
import { createLoginLimits, type LoginLimits } from './login-limits.ts';
import { createRecoveryLimits, type RecoveryLimits } from './recovery-limits.ts';
import type { Source } from './source.ts';

const HOUR_MS = 3_600_000;
const MINUTE_MS = 60_000;

/** Each range of sources has a limit of its own. */
export type LimiterOfRange = Readonly<Record<Source['range'], Limiter>>;

export interface AuthLimiters {
  /** Accounts made, and tries that made none. */
  registrations: LimiterOfRange;
  registrationFailures: LimiterOfRange;
  /** Failures to show who one is, by whatever the caller makes of the key. */
  loginFailures: Limiter;
  loginLimits: LoginLimits;
  recoveryLimits: RecoveryLimits;
  exports: Limiter;
  challengesAsked: Limiter;
  challengesAnswered: Limiter;
}

export interface AuthLimitersOptions {
  limits: LimitsSection;
  /** Behind proxies a private address is one of the operator's own network like any other. */
  trustedProxies: number;
  limiters: Limiters;
  events: Pick<AuthEvents, 'loginSlowed'>;
}

/** The limits of one process; what is counted is shared by all that share the counters. */
export function createAuthLimiters(options: AuthLimitersOptions): AuthLimiters {
  const { limits, trustedProxies, limiters, events } = options;
  const rule = (points: number, windowMs: number) => {
    return { points, windowMs, whenGone: 'open' } as const;
  };
  const byRange = (name: string, points: { public: number; private: number }): LimiterOfRange => {
    const strangers = limiters.limiter(name, rule(points.public, HOUR_MS));
    const neighbours = limiters.limiter(`${name}-private`, rule(points.private, HOUR_MS));
    return { public: strangers, private: trustedProxies > 0 ? strangers : neighbours };
  };
  const { loginFailures: failures, loginFailuresPerSource, loginWindow, loginLock } = limits;
  const loginFailures = limiters.limiter('login', {
    ...rule(failures, loginWindow),
    lockMs: loginLock,
  });
  const failuresOfSource = limiters.limiter(
    'login-source',
    rule(loginFailuresPerSource, loginWindow),
  );
  const challenges = rule(limits.challengePerMinute, MINUTE_MS);
  return {
    registrations: byRange('register', {
      public: limits.registerPerHour,
      private: limits.registerPerHourPrivate,
    }),
    registrationFailures: byRange('register-failures', {
      public: limits.registerFailuresPerHour,
      private: limits.registerFailuresPerHourPrivate,
    }),
    loginFailures,
    loginLimits: createLoginLimits(
      {
        failures: loginFailures,
        failuresOfSource,
        failuresOfAccount: limiters.limiter(
          'login-account',
          rule(LOGIN_FAILURES_PER_ACCOUNT, loginWindow),
        ),
        turnsOfAccount: limiters.limiter('login-turn', rule(1, LOGIN_TURN_MS)),
      },
      events,
    ),
    recoveryLimits: createRecoveryLimits({
      failures: loginFailures,
      failuresOfSource,
      notes: limiters.limiter('recovery-notes', rule(RECOVERY_NOTES_PER_ACCOUNT, loginWindow)),
    }),
    exports: limiters.limiter('export', rule(EXPORTS_PER_HOUR, HOUR_MS)),
    challengesAsked: limiters.limiter('challenge', challenges),
    challengesAnswered: limiters.limiter('login-device', challenges),
  };
}
