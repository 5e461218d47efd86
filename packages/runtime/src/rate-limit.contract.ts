/** What limits promise wherever they are counted, as tests; `rate-limit.test.ts` runs them over both counters. */
import { ApiError } from '@sotto/api';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Counters } from './counters.ts';
import { createMetrics } from './metrics.ts';
import { ProblemWithHeaders } from './problem-response.ts';
import { createLimiters, type Limiter, type LimitRule } from './rate-limit.ts';

/** Runs the contract over the counters that `open` makes, new ones for each test. */
export function limitersContract(open: () => Promise<Counters>): void {
  let counters: Counters;
  beforeEach(async () => {
    counters = await open();
  });
  afterEach(() => counters.close());

  function limiter(rule: Partial<LimitRule>): Limiter {
    const limiters = createLimiters({ counters, metrics: createMetrics('test') });
    return limiters.limiter('test', { points: 3, windowMs: 60_000, whenGone: 'closed', ...rule });
  }

  test('so many pass, then none until the window ends', async () => {
    const limit = limiter({ points: 2, windowMs: 1_000 });
    expect(await limit.take('a')).toMatchObject({ limit: 2, remaining: 1 });
    expect(await limit.take('a')).toMatchObject({ limit: 2, remaining: 0 });
    await refusal(limit.take('a'), 1);
    await vi.waitFor(() => limit.take('a'), 20_000);
  });

  test('of 500 who take at once exactly as many pass as there are points', async () => {
    const limit = limiter({ points: 10 });
    const takes = Array.from({ length: 500 }, () => passes(limit.take('a')));
    expect((await Promise.all(takes)).filter(Boolean)).toHaveLength(10);
  });

  test('each key has its own points, and points may be taken together', async () => {
    const limit = limiter({});
    await limit.take('a', 3);
    await refusal(limit.take('a'));
    await limit.take('b', 2);
    await refusal(limit.take('b', 2));
  });

  test('a refusal says when to come back, in its headers too', async () => {
    const limit = limiter({ points: 1, windowMs: 30_000 });
    await limit.take('a');
    const error = await refusal(limit.take('a'));
    expect(error.options.retryAfter).toBeGreaterThan(28);
    expect(error.options.retryAfter).toBeLessThanOrEqual(30);
    expect(error.headers).toEqual({
      'ratelimit-limit': '1',
      'ratelimit-remaining': '0',
      'ratelimit-reset': String(error.options.retryAfter),
    });
  });

  test('a check takes nothing, and refuses when nothing is left', async () => {
    const limit = limiter({ points: 2 });
    for (let times = 0; times < 5; times++) await limit.check('a');
    await limit.take('a', 2);
    await refusal(limit.check('a'));
    await limit.check('b');
  });

  test('what is counted is never refused, and refuses others; one of a crowd takes the last point', async () => {
    const limit = limiter({ points: 2, lockMs: 60_000 });
    const took = await Promise.all(Array.from({ length: 6 }, () => limit.count('a')));
    expect(took.filter(Boolean)).toEqual([true]);
    expect(await limit.count('a')).toBe(false);
    await refusal(limit.check('a'));
    await refusal(limit.take('a'));
  });

  test('points that are given back can be taken again, and a reset gives all', async () => {
    const limit = limiter({ points: 2 });
    await limit.take('a', 2);
    await limit.give('a');
    await limit.take('a');
    await refusal(limit.take('a'));
    await limit.reset('a');
    await limit.take('a', 2);
  });

  test('a burst is on top, and comes back on its own', async () => {
    const limit = limiter({ points: 1, windowMs: 60_000, burst: { points: 2, windowMs: 1_000 } });
    for (let times = 0; times < 3; times++) await limit.take('a');
    const error = await refusal(limit.take('a'));
    expect(error.options.retryAfter).toBe(1);
    await refusal(limit.check('a'));
    await vi.waitFor(() => limit.check('a'), 20_000);
    await limit.take('a', 2);
    await refusal(limit.take('a'));
  });

  test.each([
    ['counted', (limit: Limiter) => limit.count('a')],
    ['taken', (limit: Limiter) => passes(limit.take('a'))],
  ])('points that are %s up lock the key for the time of the lock', async (how, spend) => {
    const limit = limiter({ points: 2, windowMs: 60_000, lockMs: 2_000 });
    // A lock begins with the last point that is counted, or with the first that cannot be taken.
    for (let times = 0; times < (how === 'taken' ? 3 : 2); times++) await spend(limit);
    const error = await refusal(limit.check('a'));
    expect(error.options.retryAfter).toBeLessThanOrEqual(2);
    // Trying on does not make it longer.
    await passes(limit.take('a'));
    await vi.waitFor(() => limit.check('a'), 20_000);
    await limit.take('a', 2);
  });

  test('limits of other names do not meet, those of one name are one', async () => {
    const limiters = createLimiters({ counters, metrics: createMetrics('test') });
    const rule = { points: 1, windowMs: 60_000, whenGone: 'closed' } as const;
    await limiters.limiter('one', rule).take('a');
    await limiters.limiter('other', rule).take('a');
    const elsewhere = createLimiters({ counters, metrics: createMetrics('other') });
    await refusal(elsewhere.limiter('one', rule).take('a'));
  });

  test('a key may be anything', async () => {
    const limit = limiter({ points: 1 });
    for (const key of ['', 'a b', '\r\n', '\u0000', '💣', 'x'.repeat(10_000)]) {
      await limit.take(key);
      await refusal(limit.take(key));
    }
  });
}

/** The `rate.limited` that the work throws. */
export async function refusal(
  work: Promise<unknown>,
  retryAfterMax = Number.POSITIVE_INFINITY,
): Promise<ProblemWithHeaders> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ProblemWithHeaders))
    throw new Error('it was not refused', { cause: error });
  expect(error.code).toBe('rate.limited');
  expect(error.options.retryAfter).toBeGreaterThanOrEqual(1);
  expect(error.options.retryAfter).toBeLessThanOrEqual(retryAfterMax);
  return error;
}

/** Whether the work was let through. Throws for any other error than `rate.limited`. */
export async function passes(work: Promise<unknown>): Promise<boolean> {
  try {
    await work;
    return true;
  } catch (error) {
    if (error instanceof ApiError && error.code === 'rate.limited') return false;
    throw error;
  }
}
