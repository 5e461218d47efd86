/**
 * How often bundles may be fetched: each uses up a one-time prekey of each device. One caller is stopped after a few of
 * one user; when many callers together ask for one, the prekeys stay for later and sessions start from the signed
 * prekey alone. Without the shared counts nothing is handed out, or whoever brings them down could empty every device.
 */
import { ApiError, type UserId } from '@sotto/api';
import type { Limiters, LimitsSection } from '@sotto/runtime';

export interface BundleLimits {
  /**
   * Whether a bundle comes with one-time prekeys or, `degraded`, without. Throws `rate.limited` for a caller who has
   * asked too often, `service.unavailable` when the counts cannot be had.
   */
  admit(caller: UserId, target: UserId): Promise<'full' | 'degraded'>;
}

export function createBundleLimits(
  limiters: Pick<Limiters, 'limiter'>,
  limits: Pick<LimitsSection, 'bundleBurst' | 'bundleRefill' | 'bundlePerTarget'>,
): BundleLimits {
  const byPair = limiters.limiter('bundle', {
    points: 1,
    windowMs: limits.bundleRefill,
    ...(limits.bundleBurst > 1 && {
      burst: { points: limits.bundleBurst - 1, windowMs: BURST_WINDOW_MS },
    }),
    whenGone: 'closed',
  });
  const byTarget = limiters.limiter('bundle-target', {
    points: limits.bundlePerTarget,
    windowMs: HOUR_MS,
    whenGone: 'closed',
  });
  return {
    async admit(caller, target) {
      await byPair.take(`${caller}:${target}`);
      try {
        await byTarget.take(target);
        return 'full';
      } catch (error) {
        if (error instanceof ApiError && error.code === 'rate.limited') return 'degraded';
        throw error;
      }
    },
  };
}

const HOUR_MS = 3_600_000;

/** The burst is for an evening of trouble; who used it up has it again the next day. */
const BURST_WINDOW_MS = 24 * HOUR_MS;
