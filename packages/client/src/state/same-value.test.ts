import { expect, test } from 'vitest';
import { isSameValue, keepSame } from './same-value.ts';

test.each<[unknown, unknown, boolean]>([
  [{ a: [1, { b: null }] }, { a: [1, { b: null }] }, true],
  [{ a: undefined }, { b: undefined }, false],
  [{ a: undefined }, {}, false],
  [[1, 2], [1, 2, 3], false],
  [[], {}, false],
  [null, {}, false],
  [Uint8Array.of(1, 2), Uint8Array.of(1, 2), true],
  [Uint8Array.of(1, 2), Uint8Array.of(1, 3), false],
  [Number.NaN, Number.NaN, true],
])('%j and %j: %j', (a, b, same) => {
  expect(isSameValue(a, b)).toBe(same);
  expect(isSameValue(b, a)).toBe(same);
});

test('a list in which nothing has changed stays the same one, else its unchanged items do', () => {
  const named = (name: string, value: number) => ({ name, value });
  const before = [named('a', 1), named('b', 2)];
  const nameOf = ({ name }: { name: string }) => name;
  expect(keepSame(before, [named('a', 1), named('b', 2)], nameOf)).toBe(before);
  const after = keepSame(before, [named('b', 2), named('a', 3), named('c', 4)], nameOf);
  expect(after[0]).toBe(before[1]);
  expect(after).toEqual([named('b', 2), named('a', 3), named('c', 4)]);
  expect(keepSame(before, [named('b', 2), named('a', 1)], nameOf)).not.toBe(before);
});
