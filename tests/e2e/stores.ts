/** Stores in memory that outlive their clients, are stolen, or stop working in the middle of something. */
import { DatabaseSync } from 'node:sqlite';
import { openMemoryStore, type Store } from '@sotto/client';

/** A store that is still there when its client has closed it. */
export function openLastingStore(): Store {
  const store = openMemoryStore();
  return { transaction: (work) => store.transaction(work), close: async () => {} };
}

/** Another store with the same records, but for some. */
export async function copyStore(store: Store, without: readonly string[] = []): Promise<Store> {
  const records = await store.transaction((transaction) =>
    transaction.list({ prefix: '', limit: 100_000 }),
  );
  const copy = openLastingStore();
  await copy.transaction(async (transaction) => {
    for (const { key, value } of records) {
      if (!without.includes(key)) await transaction.put(key, value);
    }
  });
  return copy;
}

/** The access token that lies in a store. */
export async function accessTokenOf(store: Store): Promise<string> {
  const record = await store.transaction((transaction) => transaction.get('account'));
  const { tokens } = JSON.parse(new TextDecoder().decode(record)) as { tokens: { access: string } };
  return tokens.access;
}

/** Makes the access token in a SQLite store, which nobody has open, one that is to be renewed before it is used again. */
export function expireToken(path: string): void {
  const database = new DatabaseSync(path);
  const row = database.prepare("select value from entries where key = 'account'").get();
  const account = JSON.parse(Buffer.from(row?.value as Uint8Array).toString());
  account.tokens.renewAt = 0;
  database
    .prepare("update entries set value = ? where key = 'account'")
    .run(Buffer.from(JSON.stringify(account)));
  database.close();
}

/** The store of a process that may be killed: from `kill` on nothing is written any more. */
export function openMortalStore(store: Store): { store: Store; kill(): void } {
  let isAlive = true;
  return {
    store: {
      transaction: (work) =>
        isAlive ? store.transaction(work) : Promise.reject(new Error('killed')),
      close: async () => {},
    },
    kill() {
      isAlive = false;
    },
  };
}
