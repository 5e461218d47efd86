import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { BUS_REOPEN_MAX_MS, BUS_RETRY_FIRST_MS, BUS_RETRY_MAX_MS } from './limits.ts';
import { repeat } from './repeat.ts';

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

/** Repeats work that always fails, after a while or at once, and counts what was told of it. */
function failing(lasting: number = 0) {
  const attempts: number[] = [];
  const loop = repeat(
    async () => {
      if (lasting > 0) await new Promise((resolve) => setTimeout(resolve, lasting));
      throw new Error('interrupted');
    },
    (_, attempt) => attempts.push(attempt),
  );
  return { attempts, loop };
}

test('work that fails is done again after pauses that grow up to a bound', async () => {
  const { attempts, loop } = failing();
  await vi.advanceTimersByTimeAsync(BUS_RETRY_FIRST_MS * 2);
  expect(attempts).toEqual([1, 2]);
  await vi.advanceTimersByTimeAsync(10 * BUS_REOPEN_MAX_MS);
  const before = attempts.length;
  await vi.advanceTimersByTimeAsync(BUS_REOPEN_MAX_MS);
  expect(attempts).toHaveLength(before + 1);
  await loop.close();
});

test('each interruption of work that went well for long is the first in its row', async () => {
  const { attempts, loop } = failing(BUS_RETRY_MAX_MS + 1);
  await vi.advanceTimersByTimeAsync(20 * (BUS_RETRY_MAX_MS + 1 + BUS_RETRY_FIRST_MS * 2));
  expect(attempts).toEqual(Array(20).fill(1));
  const closing = loop.close();
  await vi.advanceTimersByTimeAsync(BUS_RETRY_MAX_MS + 1);
  await closing;
});

test('a pause is cut short for who knows that waiting is over', async () => {
  const { attempts, loop } = failing();
  await vi.advanceTimersByTimeAsync(BUS_REOPEN_MAX_MS);
  const before = attempts.length;
  loop.hurry();
  await vi.advanceTimersByTimeAsync(0);
  expect(attempts).toHaveLength(before + 1);
  await loop.close();
});
