/** A store that forgets: for tests, and for sessions that are meant to leave nothing behind. */
import { ClientError } from './errors.ts';
import {
  checkStoreKey,
  checkStoreRange,
  type Store,
  type StoreRange,
  type StoreTransaction,
  type StoreWork,
} from './store.ts';

/** Opens an empty store in memory. Whoever loses it loses its keys: messages to them stay unreadable. */
export function openMemoryStore(): Store {
  const committed = new Map<string, Uint8Array>();
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

/** Undefined stands for a key that the transaction deletes. */
type Changes = Map<string, Uint8Array | undefined>;

async function attempt<T>(committed: Map<string, Uint8Array>, work: StoreWork<T>): Promise<T> {
  const changes: Changes = new Map();
  const { transaction, end } = open(committed, changes);
  try {
    const value = await work(transaction);
    for (const [key, change] of changes) {
      if (change === undefined) committed.delete(key);
      else committed.set(key, change);
    }
    return value;
  } finally {
    end();
  }
}

function open(committed: Map<string, Uint8Array>, changes: Changes) {
  let over = false;
  const check = () => {
    if (over) throw new ClientError('store.closed', 'the transaction is over');
  };
  const checkKey = (key: string) => {
    check();
    checkStoreKey(key);
  };
  const read = (key: string) => (changes.has(key) ? changes.get(key) : committed.get(key));
  const transaction: StoreTransaction = {
    async get(key) {
      checkKey(key);
      return read(key)?.slice();
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
      const keys = new Set([...committed.keys(), ...changes.keys()]);
      const found = [...keys].filter((key) => inRange(key, range) && read(key) !== undefined);
      const page = found.sort().slice(0, range.limit);
      return page.map((key) => ({ key, value: read(key)!.slice() }));
    },
  };
  const end = () => {
    over = true;
  };
  return { transaction, end };
}

function inRange(key: string, { prefix, after = prefix }: StoreRange): boolean {
  return key.startsWith(prefix) && key > after;
}
