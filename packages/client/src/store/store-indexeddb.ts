/**
 * A store in a browser's IndexedDB, for pages and workers. Sub-path `@sotto/client/indexeddb`.
 *
 * One client of an origin holds it, by a Web Lock; others are refused with `store.locked` or wait, and get it when the
 * holder closes it or its tab ends. A holder that has lost the lock and does not know it, because a browser stopped its
 * tab for a while, is stopped by its next commit: each one looks whether the mark that it left at opening is still there.
 *
 * What transactions write is kept back and committed together, flushed to the disk.
 */
import { nobleProvider, type Provider } from '@sotto/crypto';
import { type DBSchema, deleteDB, type IDBPDatabase, openDB } from 'idb';
import { ClientError } from '../errors.ts';
import { type CommittedCache, cacheCommitted } from './committed-cache.ts';
import type { OpenStoreOptions, Store, StoreRange } from './store.ts';
import { createStoreChanges, type StoreChanges } from './store-changes.ts';
import type { CommittedEntries } from './store-overlay.ts';
import { SEAL_KEY, type SealedStore, type StoreSecret, sealStore } from './store-sealed.ts';
import { runTurns, storeOfTurns, type Turn } from './store-turns.ts';
import { takeWebLock, type WebLock } from './web-lock.ts';

interface Schema extends DBSchema {
  entries: { key: string; value: { key: string; value: Uint8Array } };
  /** One entry, under `HOLDER`. */
  holder: { key: string; value: string };
}

type Database = IDBPDatabase<Schema>;

const HOLDER = 'holder';

/** What makes each version of the database out of the one before it. Only ever added to. */
const MIGRATIONS: readonly ((database: Database) => void)[] = [
  (database) => {
    database.createObjectStore('entries', { keyPath: 'key' });
    database.createObjectStore('holder');
  },
];

export interface OpenSealedOptions extends OpenStoreOptions {
  /** Cryptographic primitives; noble's when left out. */
  readonly provider?: Provider;
}

interface Connection {
  readonly database: Database;
  readonly lock: WebLock;
  /** What stands under `HOLDER` as long as nobody else has opened the store. */
  readonly mark: string;
}

/**
 * Opens or makes the store of a name. Rejects with `store.locked` when another tab or client holds it, `store.sealed`
 * when it is encrypted, `store.newer` when a newer release wrote it, `store.unsupported` where there is no IndexedDB, and
 * `store.invalid` when the browser cannot read it. A store that is refused is left as it is.
 */
export async function openIndexedDbStore(
  name: string,
  options: OpenStoreOptions = {},
): Promise<Store> {
  return storeOn(await connect(name, options, assertPlain));
}

/**
 * Opens or makes an encrypted store; `store-sealed.ts` says what of it stays readable. Rejects as
 * {@link openIndexedDbStore} does, with `store.key-wrong`, and with `store.plain` when the store is not encrypted.
 */
export async function openSealedIndexedDbStore(
  name: string,
  secret: StoreSecret,
  { provider = nobleProvider, ...options }: OpenSealedOptions = {},
): Promise<SealedStore> {
  return sealStore(storeOn(await connect(name, options)), { secret, provider });
}

/** Removes a store with everything in it. Rejects with `store.locked` as long as a client holds it. */
export async function deleteIndexedDbStore(name: string, { waitUntil }: OpenStoreOptions = {}) {
  assertSupported();
  const lock = await takeWebLock(lockName(name), waitUntil);
  try {
    await deleteDB(databaseName(name));
  } finally {
    lock.release();
  }
}

const databaseName = (name: string) => `sotto/${name}`;
const lockName = (name: string) => `sotto-store/${name}`;

function assertSupported(): void {
  if (globalThis.indexedDB === undefined || globalThis.navigator?.locks === undefined) {
    throw new ClientError('store.unsupported', 'there is no IndexedDB, or there are no Web Locks');
  }
}

async function connect(
  name: string,
  { waitUntil }: OpenStoreOptions,
  check: (database: Database) => Promise<void> = async () => {},
): Promise<Connection> {
  assertSupported();
  const lock = await takeWebLock(lockName(name), waitUntil);
  let database: Database | undefined;
  try {
    database = await openDatabase(name, lock);
    await check(database);
    const mark = crypto.randomUUID();
    await database.put('holder', mark, HOLDER);
    return { database, lock, mark };
  } catch (cause) {
    database?.close();
    lock.release();
    throw refusalOf(cause);
  }
}

async function assertPlain(database: Database): Promise<void> {
  if ((await database.get('entries', SEAL_KEY)) === undefined) return;
  throw new ClientError('store.sealed', 'the store is encrypted');
}

function refusalOf(cause: unknown): ClientError {
  if (cause instanceof ClientError) return cause;
  if (cause instanceof DOMException && cause.name === 'VersionError') {
    return new ClientError('store.newer', 'the store was written by a newer release', { cause });
  }
  return new ClientError('store.invalid', 'the store cannot be read', { cause });
}

function openDatabase(name: string, lock: WebLock): Promise<Database> {
  return openDB<Schema>(databaseName(name), MIGRATIONS.length, {
    upgrade(database, version) {
      for (const migrate of MIGRATIONS.slice(version)) migrate(database);
    },
    // Somebody has removed the site's data.
    terminated: () => lock.lose(),
  });
}

function storeOn(connection: Connection): Store {
  const committed = cacheCommitted(entriesOf(connection.database));
  return storeOfTurns({
    commitTogether: (turns) => commitTogether(connection, committed, turns),
    gather: async () => {}, // A commit takes long enough for others to come.
    close() {
      connection.database.close();
      connection.lock.release();
    },
  });
}

async function commitTogether(
  connection: Connection,
  committed: CommittedCache,
  turns: readonly Turn[],
): Promise<void> {
  let endings: readonly (() => void)[];
  try {
    connection.lock.lost.throwIfAborted();
    const changes = createStoreChanges();
    endings = await runTurns(committed, changes, turns);
    if (changes.size > 0) await commit(connection, changes);
    committed.note(changes);
  } catch (error) {
    // The disk is full, or the store is somebody else's: nothing of this commit is in it, and each caller must know.
    for (const turn of turns) turn.fail(error);
    return;
  }
  for (const tell of endings) tell();
}

/** One database transaction: a tab that ends in the middle of it has written nothing. */
async function commit(connection: Connection, changes: StoreChanges): Promise<void> {
  const transaction = connection.database.transaction(['entries', 'holder'], 'readwrite', {
    durability: 'strict',
  });
  const write = async () => {
    const mark = await transaction.objectStore('holder').get(HOLDER);
    if (mark !== connection.mark) {
      connection.lock.lose();
      transaction.abort();
      throw connection.lock.lost.reason;
    }
    const entries = transaction.objectStore('entries');
    const writes = [...changes.under('')].map(([key, value]) =>
      value === undefined ? entries.delete(key) : entries.put({ key, value }),
    );
    await Promise.all(writes);
  };
  await Promise.all([write(), transaction.done]);
}

/** `getAll` gives the keys in the order of their characters, as IndexedDB compares strings. */
function entriesOf(database: Database): CommittedEntries {
  return {
    async get(key) {
      return (await database.get('entries', key))?.value;
    },
    list({ prefix, after = prefix, limit }: StoreRange) {
      // '~' sorts behind every character that a key may have.
      const range = IDBKeyRange.bound(after, `${prefix}~`, true, true);
      return database.getAll('entries', range, limit);
    },
  };
}
