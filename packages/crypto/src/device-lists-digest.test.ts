import { describe, expect, test } from 'vitest';
import { withCode } from './crypto-error.fixture.ts';
import { digestDeviceLists } from './device-lists-digest.ts';
import { toHex } from './hex.fixture.ts';
import { providers } from './providers.fixture.ts';

const userOf = (index: number) => `0190a1b2-c3d4-7e5f-8a9b-${String(index).padStart(12, '0')}`;
const lists = Array.from({ length: 200 }, (_, index) => ({ user: userOf(index), version: index }));

describe.each(providers)('on the $name provider', (provider) => {
  const digest = (given: typeof lists) => toHex(digestDeviceLists(provider, given));

  test('the digest does not depend on the order of the members', () => {
    expect(digest(lists.toReversed())).toEqual(digest(lists));
  });

  test('another version, one member more and one less give other digests', () => {
    const [first, ...others] = lists;
    const shifted = new Map([
      [7, 8],
      [8, 7],
    ]);
    const variants = [
      lists,
      others,
      [{ user: userOf(0), version: 1 }, ...others],
      [...lists, { user: userOf(200), version: 0 }],
      // The sum of the versions stays.
      lists.map(({ user, version }) => ({ user, version: shifted.get(version) ?? version })),
      [{ ...first!, user: userOf(999) }, ...others],
      [],
    ];
    expect(new Set(variants.map(digest)).size).toBe(7);
  });

  test('a user named twice, no UUID and a version out of range are refused', () => {
    const [first] = lists;
    for (const wrong of [
      [first!, first!],
      [{ user: 'ann', version: 1 }],
      [{ user: userOf(1), version: -1 }],
      [{ user: userOf(1), version: 2 ** 32 }],
      [{ user: userOf(1), version: 1.5 }],
    ]) {
      expect(() => digest(wrong)).toThrow(withCode('input.invalid'));
    }
  });
});
