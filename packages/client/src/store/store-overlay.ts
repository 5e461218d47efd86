/** A transaction over entries that are committed, which keeps what it writes to itself until somebody commits it. */
import type { StoreEntry, StoreRange } from './store.ts';
import { guardTransaction } from './store-guard.ts';

/** What was written, by key. Undefined stands for an entry that goes. */
export type StoreChanges = Map<string, Uint8Array | undefined>;

/** Reads of what is committed. The bytes that come are the caller's. */
export interface CommittedEntries {
  get(key: string): Promise<Uint8Array | undefined>;
  /** Keys ascend by their characters. */
  list(range: StoreRange): Promise<StoreEntry[]>;
}

/** A transaction until `end`, and what it has written. `before` are changes of others that come first. */
export function overlay(committed: CommittedEntries, before: StoreChanges) {
  const changes: StoreChanges = new Map();
  const { transaction, end } = guardTransaction({
    async get(key) {
      const layer = [changes, before].find((layer) => layer.has(key));
      return layer === undefined ? committed.get(key) : layer.get(key)?.slice();
    },
    async put(key, value) {
      changes.set(key, value.slice());
    },
    async delete(key) {
      changes.set(key, undefined);
    },
    list: (range) => merge(committed, new Map([...before, ...changes]), range),
  });
  return { transaction, changes, end };
}

async function merge(
  committed: CommittedEntries,
  changes: StoreChanges,
  { prefix, after = prefix, limit }: StoreRange,
): Promise<StoreEntry[]> {
  const changed = [...changes].filter(([key]) => key.startsWith(prefix) && key > after);
  // As many more as changes may take away.
  const found = await committed.list({ prefix, after, limit: limit + changed.length });
  const entries = new Map(found.map(({ key, value }) => [key, value]));
  for (const [key, value] of changed) {
    if (value === undefined) entries.delete(key);
    else entries.set(key, value.slice());
  }
  const sorted = [...entries].sort(([a], [b]) => (a < b ? -1 : 1));
  return sorted.slice(0, limit).map(([key, value]) => ({ key, value }));
}
