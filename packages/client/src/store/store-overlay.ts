/** A transaction over entries that are committed, which keeps what it writes to itself until somebody commits it. */
import { ClientError } from '../errors.ts';
import {
  checkStoreKey,
  checkStoreRange,
  type StoreEntry,
  type StoreRange,
  type StoreTransaction,
} from './store.ts';
import { createStoreChanges, type StoreChanges } from './store-changes.ts';

/** Reads of what is committed. The bytes that come are not to be changed. */
export interface CommittedEntries {
  get(key: string): Uint8Array | undefined | Promise<Uint8Array | undefined>;
  /** Keys ascend by their characters. */
  list(range: StoreRange): StoreEntry[] | Promise<StoreEntry[]>;
}

/**
 * A transaction until `end`, and what it has written. `before` are changes of others that come first. It refuses keys and
 * ranges that are none, and everything after its end.
 */
export function overlay(committed: CommittedEntries, before: StoreChanges) {
  const changes = createStoreChanges();
  let isOver = false;
  const check = () => {
    if (isOver) throw new ClientError('store.closed', 'the transaction is over');
  };
  const checkKey = (key: string) => {
    check();
    checkStoreKey(key);
  };
  const transaction: StoreTransaction = {
    async get(key) {
      checkKey(key);
      if (changes.has(key)) return changes.get(key);
      return before.has(key) ? before.get(key) : committed.get(key);
    },
    async put(key, value) {
      checkKey(key);
      changes.set(key, value.slice());
    },
    async delete(key) {
      checkKey(key);
      changes.set(key, undefined);
    },
    async list(range) {
      check();
      checkStoreRange(range);
      const changed = new Map([...before.under(range.prefix), ...changes.under(range.prefix)]);
      return changed.size === 0 ? committed.list(range) : merge(committed, changed, range);
    },
  };
  const end = () => {
    isOver = true;
  };
  return { transaction, changes, end };
}

async function merge(
  committed: CommittedEntries,
  changes: ReadonlyMap<string, Uint8Array | undefined>,
  { prefix, after = prefix, limit }: StoreRange,
): Promise<StoreEntry[]> {
  const changed = [...changes].filter(([key]) => key > after);
  const gone = changed.filter(([, value]) => value === undefined).length;
  const found = await committed.list({ prefix, after, limit: limit + gone });
  const entries = new Map(found.map(({ key, value }) => [key, value]));
  for (const [key, value] of changed) {
    if (value === undefined) entries.delete(key);
    else entries.set(key, value);
  }
  const sorted = [...entries].sort(([a], [b]) => (a < b ? -1 : 1));
  return sorted.slice(0, limit).map(([key, value]) => ({ key, value }));
}
