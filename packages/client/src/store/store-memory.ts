/** A store that forgets: for tests, and for sessions that are meant to leave nothing behind. */
import { ClientError } from '../errors.ts';
import { createSortedEntries, type SortedEntries } from './sorted-entries.ts';
import type { Store, StoreWork } from './store.ts';
import { createStoreChanges } from './store-changes.ts';
import { type CommittedEntries, overlay } from './store-overlay.ts';

/** Opens an empty store in memory. Whoever loses it loses its keys: messages to them stay unreadable. */
export function openMemoryStore(): Store {
  const committed = createSortedEntries();
  let last: Promise<unknown> = Promise.resolve();
  let closed = false;

  return {
    transaction<T>(work: StoreWork<T>): Promise<T> {
      if (closed) return Promise.reject(new ClientError('store.closed', 'the store is closed'));
      const result = last.then(() => attempt(committed, work));
      last = result.catch(() => {}); // The caller gets the error; the one after it starts all the same.
      return result;
    },
    async close() {
      closed = true;
      await last;
    },
  };
}

async function attempt<T>(committed: SortedEntries, work: StoreWork<T>): Promise<T> {
  const { transaction, changes, end } = overlay(entriesOf(committed), createStoreChanges());
  try {
    const value = await work(transaction);
    for (const [key, change] of changes.under('')) {
      if (change === undefined) committed.delete(key);
      else committed.set(key, change);
    }
    return value;
  } finally {
    end();
  }
}

function entriesOf(committed: SortedEntries): CommittedEntries {
  return {
    get: committed.get,
    list: (range) => committed.keysIn(range).map((key) => ({ key, value: committed.get(key)! })),
  };
}
