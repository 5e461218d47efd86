import { expect, test, vi } from 'vitest';
import { createPace } from './pace.ts';

const onError = (error: unknown) => {
  throw error;
};

test('what is asked for a thousand times while it is done is done once more', async () => {
  const pace = createPace({ pauseMs: 1, onError });
  const first = Promise.withResolvers<void>();
  let count = 0;
  const work = async () => {
    count += 1;
    if (count === 1) await first.promise;
  };
  pace.need(work);
  pace.need(work);
  await vi.waitFor(() => expect(count).toBe(1));
  for (let time = 0; time < 1000; time += 1) pace.need(work);
  first.resolve();
  await vi.waitFor(() => expect(count).toBe(2));
  await pace.close();
  expect(count).toBe(2);
});

test('the first is done at once, and the next one after the pause', async () => {
  const pace = createPace({ pauseMs: 300, onError });
  const times: number[] = [];
  const work = async () => void times.push(performance.now());
  const start = performance.now();
  pace.need(work);
  await vi.waitFor(() => expect(times).toHaveLength(1));
  pace.need(work);
  await vi.waitFor(() => expect(times).toHaveLength(2));
  const [first = 0, second = 0] = times;
  expect(first - start).toBeLessThan(300);
  expect(second - first).toBeGreaterThanOrEqual(299);
  await pace.close();
});

test('what fails is told, and stops nothing else', async () => {
  const errors: unknown[] = [];
  const pace = createPace({ pauseMs: 0, onError: (error) => errors.push(error) });
  const other = vi.fn(async () => {});
  pace.need(() => Promise.reject(new Error('the disk is full')));
  pace.need(other);
  await vi.waitFor(() => expect(other).toHaveBeenCalledOnce());
  expect(errors).toMatchObject([{ message: 'the disk is full' }]);
  await pace.close();
});

test('after the end nothing runs, and what runs then has ended', async () => {
  const errors: unknown[] = [];
  const pace = createPace({ pauseMs: 0, onError: (error) => errors.push(error) });
  const slow = Promise.withResolvers<void>();
  let hasEnded = false;
  const never = vi.fn(async () => {});
  pace.need(async () => {
    await slow.promise.finally(() => {
      hasEnded = true;
    });
  });
  pace.need(never);
  await new Promise((resolve) => setTimeout(resolve, 1));
  const closing = pace.close();
  pace.need(never);
  slow.reject(new Error('the store was closed'));
  await closing;
  expect([hasEnded, never.mock.calls, errors]).toEqual([true, [], []]);
});
