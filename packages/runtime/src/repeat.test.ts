import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { BUS_RETRY_FIRST_MS, BUS_RETRY_MAX_MS } from './limits.ts';
import { repeat } from './repeat.ts';

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

/** Repeats work that always fails, and counts its turns and what was told of them. */
function failing(work: (begunWell: () => void) => void = () => undefined) {
  const attempts: number[] = [];
  const loop = repeat(
    async (begunWell) => {
      work(begunWell);
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
  await vi.advanceTimersByTimeAsync(10 * BUS_RETRY_MAX_MS);
  const before = attempts.length;
  await vi.advanceTimersByTimeAsync(BUS_RETRY_MAX_MS);
  expect(attempts).toHaveLength(before + 1);
  await loop.close();
});

test('each interruption of work that had begun well is the first in its row', async () => {
  const { attempts, loop } = failing((begunWell) => begunWell());
  await vi.advanceTimersByTimeAsync(19 * BUS_RETRY_FIRST_MS * 2);
  expect(attempts).toEqual(Array(20).fill(1));
  await loop.close();
});

test('a pause is cut short for who knows that waiting is over', async () => {
  const { attempts, loop } = failing();
  await vi.advanceTimersByTimeAsync(BUS_RETRY_MAX_MS);
  const before = attempts.length;
  loop.hurry();
  await vi.advanceTimersByTimeAsync(0);
  expect(attempts).toHaveLength(before + 1);
  await loop.close();
});
