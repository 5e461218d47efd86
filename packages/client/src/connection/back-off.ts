/** Pauses between attempts: doubling, bounded, with full jitter. */
import { BACK_OFF_MS_FIRST, BACK_OFF_MS_MAX, PAUSE_MS_MAX } from '../limits.ts';

/**
 * Milliseconds to wait before attempt `attempt` (from 0) is repeated. `random` is uniform in [0, 1).
 * The lower half is cut off: a pause near zero would make a client hammer a platform that is down.
 */
export function backOffMs(attempt: number, random: number): number {
  const ceiling = Math.min(BACK_OFF_MS_MAX, BACK_OFF_MS_FIRST * 2 ** Math.min(attempt, 20));
  return Math.round(ceiling * (0.5 + random / 2));
}

/** What an answer asks to wait, in milliseconds: an hour at most, whatever a platform says. */
export function askedMs(retryAfterSeconds = 0): number {
  return Math.min(PAUSE_MS_MAX, Math.max(0, retryAfterSeconds * 1000));
}

/** Resolves after `ms`, an hour at most, or as soon as `signal` aborts. Leaves no timer behind. Never rejects. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const finish = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', finish);
      resolve();
    };
    const timer = setTimeout(finish, Math.min(ms, PAUSE_MS_MAX));
    signal.addEventListener('abort', finish);
  });
}
