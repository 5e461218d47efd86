/** Waiting for the platform: as long as it makes sense, and not longer. */
import { setTimeout as sleep } from 'node:timers/promises';
import { ApiError, ConnectionError } from '@sotto/client';

/** How long a step tries on while the platform is away or slow. */
const STEP_MS_MAX = 60_000;
const PAUSE_MS = 50;

/** Repeats work that is safe to repeat until it gets through. `ended` aborts when the platform is gone for good. */
export async function persist<T>(ended: AbortSignal, work: () => Promise<T>): Promise<T> {
  const deadline = Date.now() + STEP_MS_MAX;
  for (;;) {
    try {
      return await within(ended, work());
    } catch (error) {
      if (!passes(error) || Date.now() > deadline) throw error;
      await sleep(retryMs(error), undefined, { signal: ended });
    }
  }
}

/** Asks again and again until there is an answer. */
export async function until<T>(ended: AbortSignal, find: () => Promise<T | undefined>): Promise<T> {
  const deadline = Date.now() + STEP_MS_MAX;
  for (;;) {
    const found = await persist(ended, find);
    if (found !== undefined) return found;
    if (Date.now() > deadline) throw new Error('waited a minute for nothing');
    await sleep(PAUSE_MS, undefined, { signal: ended });
  }
}

/** The outcome of work, unless it takes too long or the platform is gone first. */
export async function within<T>(ended: AbortSignal, work: Promise<T>): Promise<T> {
  const { promise: given, reject } = Promise.withResolvers<never>();
  const giveUp = () => reject(ended.reason);
  const timer = setTimeout(() => reject(new Error('a step took over a minute')), STEP_MS_MAX);
  if (ended.aborted) giveUp();
  ended.addEventListener('abort', giveUp);
  try {
    return await Promise.race([work, given]);
  } finally {
    clearTimeout(timer);
    ended.removeEventListener('abort', giveUp);
  }
}

function passes(error: unknown): boolean {
  if (error instanceof ConnectionError) return true;
  return error instanceof ApiError && (error.status >= 500 || error.code === 'rate.limited');
}

function retryMs(error: unknown): number {
  const askedMs = error instanceof ApiError ? (error.options.retryAfter ?? 0) * 1000 : 0;
  return Math.max(PAUSE_MS * 4, askedMs);
}
