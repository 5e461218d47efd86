import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { BACK_OFF_MS_MAX } from '../limits.ts';
import { backOffMs, pause } from './back-off.ts';

test('pauses double from a quarter of a second up to half a minute', () => {
  expect([0, 1, 2, 3].map((attempt) => backOffMs(attempt, 0.999999))).toEqual([
    250, 500, 1000, 2000,
  ]);
  expect(backOffMs(1_000_000, 0.999999)).toBe(BACK_OFF_MS_MAX);
});

test('every pause lies between half of its ceiling and the ceiling', () => {
  fc.assert(
    fc.property(
      fc.nat(100),
      fc.double({ min: 0, max: 0.999999, noNaN: true }),
      (attempt, random) => {
        const ceiling = backOffMs(attempt, 0.999999);
        expect(backOffMs(attempt, random)).toBeGreaterThanOrEqual(Math.floor(ceiling / 2));
        expect(backOffMs(attempt, random)).toBeLessThanOrEqual(ceiling);
      },
    ),
  );
});

test('a pause that no timer can hold does not end at once', async () => {
  const abort = new AbortController();
  const ended = vi.fn();
  const waiting = pause(2 ** 31, abort.signal).then(ended);
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(ended).not.toHaveBeenCalled();
  abort.abort();
  await waiting;
});

test('an abort ends a pause at once', async () => {
  const abort = new AbortController();
  const waiting = pause(60_000, abort.signal);
  abort.abort();
  await waiting;
  await pause(60_000, abort.signal);
});
