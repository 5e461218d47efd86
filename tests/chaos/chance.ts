/** Chance that can be repeated: one seed, one course of events. */

export interface Chance {
  /** A whole number from 0 to just below the bound. */
  below(bound: number): number;
  /** One of the items, of which there must be some. */
  pick<T>(items: readonly T[]): T;
  /** The items in another order. */
  shuffle<T>(items: readonly T[]): T[];
}

/** Starts from a seed of 32 bits. */
export function createChance(seed: number): Chance {
  let state = seed >>> 0;
  // mulberry32: all it has to be is even and repeatable.
  function next(): number {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  }
  const below = (bound: number): number => Math.floor(next() * bound);
  return {
    below,
    pick(items) {
      const item = items[below(items.length)];
      if (item === undefined) throw new RangeError('nothing to pick from');
      return item;
    },
    shuffle(items) {
      const shuffled = [...items];
      for (let end = shuffled.length - 1; end > 0; end -= 1) {
        const other = below(end + 1);
        [shuffled[end], shuffled[other]] = [shuffled[other] as never, shuffled[end] as never];
      }
      return shuffled;
    },
  };
}
