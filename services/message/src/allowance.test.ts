import { expect, test } from 'vitest';
import { Allowance } from './allowance.ts';

const RULE = { burst: 10, perSecond: 2 };

test('all points can be taken at once, and no more', () => {
  const allowance = new Allowance(RULE, 0);
  expect(allowance.take(8, 0)).toBe(true);
  expect(allowance.take(3, 0)).toBe(false);
  expect(allowance.take(2, 0)).toBe(true);
  expect(allowance.take(1, 0)).toBe(false);
});

test('points come back with time, also while none can be had, and never more than there were', () => {
  const allowance = new Allowance(RULE, 0);
  expect(allowance.take(10, 0)).toBe(true);
  expect(allowance.take(1, 400)).toBe(false);
  expect(allowance.take(1, 500)).toBe(true);
  expect(allowance.take(10, 1_000_000)).toBe(true);
  expect(allowance.take(1, 1_000_000)).toBe(false);
});
