import { expect, test } from 'vitest';
import { createSortedEntries } from './sorted-entries.ts';

test('whatever is put and deleted in any order, ranges are listed as of a sorted copy', () => {
  const entries = createSortedEntries();
  const model = new Map<string, Uint8Array>();
  let state = 1;
  const below = (bound: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % bound;
  };
  const anyKey = (): string => `${'abc'[below(3)]}/${below(200)}`;
  for (let step = 0; step < 5_000; step += 1) {
    const key = anyKey();
    if (below(3) > 0) {
      const value = Uint8Array.of(below(256));
      entries.set(key, value);
      model.set(key, value);
    } else {
      entries.delete(key);
      model.delete(key);
    }
    const range = { prefix: `${'abc'[below(3)]}/`, limit: 1 + below(20) };
    const after = below(2) > 0 ? { after: anyKey() } : {};
    const expected = [...model.keys()].sort().filter((each) => {
      return each.startsWith(range.prefix) && each > (after.after ?? range.prefix);
    });
    expect(entries.keysIn({ ...range, ...after })).toEqual(expected.slice(0, range.limit));
    expect(entries.get(key)).toBe(model.get(key));
  }
});
