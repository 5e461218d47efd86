import { expect, test } from 'vitest';
import { SendLane } from './send-lane.ts';

test('numbers are taken one after the other', () => {
  const lane = new SendLane();
  expect([1, 2, 3].map((number) => lane.admit(number))).toEqual(['take', 'take', 'take']);
});

test('a skipped or repeated number is no counting', () => {
  const lane = new SendLane();
  expect(lane.admit(2)).toBe('misnumbered');
  expect(lane.admit(1)).toBe('take');
  expect(lane.admit(1)).toBe('misnumbered');
});

test('after a refusal only the refused number opens the lane again', () => {
  const lane = new SendLane();
  for (const number of [1, 2, 3]) lane.admit(number);
  lane.refused(2);
  expect(lane.admit(4)).toBe('after-refused');
  expect(lane.admit(1)).toBe('misnumbered');
  expect(lane.admit(2)).toBe('take');
  expect(lane.admit(3)).toBe('take');
});

test('a withdrawal gives up the refused number and no other', () => {
  const lane = new SendLane();
  for (const number of [1, 2]) lane.admit(number);
  expect(lane.withdraw(2)).toBe(false);
  lane.refused(1);
  expect(lane.withdraw(2)).toBe(false);
  expect(lane.withdraw(1)).toBe(true);
  expect(lane.withdraw(1)).toBe(false);
  expect(lane.admit(2)).toBe('take');
});

test('of two refusals the earlier number is waited for', () => {
  const lane = new SendLane();
  for (const number of [1, 2, 3]) lane.admit(number);
  lane.refused(3);
  lane.refused(1);
  lane.refused(2);
  expect(lane.admit(2)).toBe('after-refused');
  expect(lane.admit(1)).toBe('take');
});
