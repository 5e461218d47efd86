/** What transactions have written and nobody has committed yet. */
import type { StoreEntry } from './store.ts';

/** Values by key; undefined stands for an entry that goes. */
export interface StoreChanges {
  readonly size: number;
  has(key: string): boolean;
  get(key: string): Uint8Array | undefined;
  set(key: string, value: Uint8Array | undefined): void;
  /** In no order. A prefix ends with a slash, or is empty. */
  under(prefix: string): Iterable<StoreChange>;
  /** Those of `others` on top of these. */
  add(others: StoreChanges): void;
}

/** An entry, or that it goes. */
export type StoreChange = readonly [StoreEntry['key'], Uint8Array | undefined];

/** None yet. Kept by their first part besides: lists look at what a commit has changed under theirs alone. */
export function createStoreChanges(): StoreChanges {
  const values = new Map<string, Uint8Array | undefined>();
  const families = new Map<string, Set<string>>();

  function* under(prefix: string): Generator<StoreChange> {
    if (prefix === '') yield* values;
    else {
      for (const key of families.get(familyOf(prefix)) ?? []) {
        if (key.startsWith(prefix)) yield [key, values.get(key)];
      }
    }
  }

  const changes: StoreChanges = {
    get size() {
      return values.size;
    },
    has: (key) => values.has(key),
    get: (key) => values.get(key),
    set(key, value) {
      values.set(key, value);
      const name = familyOf(key);
      const family = families.get(name);
      if (family === undefined) families.set(name, new Set([key]));
      else family.add(key);
    },
    under,
    add(others) {
      for (const [key, value] of others.under('')) changes.set(key, value);
    },
  };
  return changes;
}

/** The first part of a key, or of a prefix, with its slash. A key of one part is in a family that no prefix names. */
export function familyOf(key: string): string {
  return key.slice(0, key.indexOf('/') + 1);
}
