/** Entries in memory by ascending key: a list costs what it gives, not what there is. */
import type { StoreRange } from './store.ts';

export interface SortedEntries {
  get(key: string): Uint8Array | undefined;
  set(key: string, value: Uint8Array): void;
  delete(key: string): void;
  /** The keys of a range, ascending by their characters. */
  keysIn(range: StoreRange): string[];
}

/** None yet. */
export function createSortedEntries(): SortedEntries {
  const values = new Map<string, Uint8Array>();
  const keys: string[] = [];
  return {
    get: (key) => values.get(key),
    set(key, value) {
      if (!values.has(key)) keys.splice(placeOf(keys, key), 0, key);
      values.set(key, value);
    },
    delete(key) {
      if (values.delete(key)) keys.splice(placeOf(keys, key), 1);
    },
    keysIn({ prefix, after = prefix, limit }) {
      const isWithin = after > prefix;
      const found: string[] = [];
      for (let place = placeOf(keys, isWithin ? after : prefix); found.length < limit; place += 1) {
        const key = keys[place];
        if (key === undefined || !key.startsWith(prefix)) break;
        if (key > after) found.push(key);
      }
      return found;
    },
  };
}

/** Of the first key that is not below the given one. */
function placeOf(keys: readonly string[], key: string): number {
  let low = 0;
  let high = keys.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (keys[middle]! < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
