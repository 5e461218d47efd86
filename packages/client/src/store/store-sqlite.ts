/**
 * A store in one SQLite file, by Node's own `node:sqlite` (Node 22.13 and later). Sub-path `@sotto/client/sqlite`.
 *
 * The file is held exclusively: a second process, or a second client in this one, is refused with `store.locked`,
 * because two writers would advance the same ratchets. The lock is the operating system's and ends with the process.
 * What transactions write is kept back; those that are asked for while a commit is under way share the next one, and all
 * wait for the same flush. The file holds private keys; it is made readable for its owner only.
 *
 * The flush stays (`synchronous = FULL`), though a write-ahead log is sound without: after a power cut the last commits
 * could be missing, which others have seen the outcome of. A session that falls back repeats the numbers of messages that
 * have left, which their receivers drop; and what was acknowledged is not delivered again. It would be healed as a stale
 * store is, with new sessions for everybody. To have fewer flushes, more shares each of them.
 */
import { closeSync, openSync, statSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { nodeProvider } from '@sotto/crypto/node';
import { pause } from '../connection/back-off.ts';
import { ClientError } from '../errors.ts';
import { STORE_POLL_MS } from '../limits.ts';
import { type CommittedCache, cacheCommitted } from './committed-cache.ts';
import type { OpenStoreOptions, Store } from './store.ts';
import { createStoreChanges, type StoreChanges } from './store-changes.ts';
import type { CommittedEntries } from './store-overlay.ts';
import { SEAL_KEY, type SealedStore, type StoreSecret, sealStore } from './store-sealed.ts';
import { runTurns, storeOfTurns, type Turn } from './store-turns.ts';

/** 'Sott' in the file's header, so that another program's database is never taken for a store. */
const APPLICATION_ID = 0x536f7474;

/** What makes each version of the file out of the one before it. Only ever added to. */
const MIGRATIONS: readonly string[] = [
  'CREATE TABLE entries (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID',
  // Files may be encrypted: a release that knows version 1 would take one of them for empty, and write into it.
  '',
];

interface Connection {
  readonly database: DatabaseSync;
  readonly statements: Statements;
}

type Statements = Record<'begin' | 'commit' | 'get' | 'put' | 'delete' | 'list', StatementSync>;

/**
 * Opens or makes the store at `path`. Throws `store.locked` when another process or client holds it, `store.sealed`
 * when it is encrypted, `store.newer` when a newer release wrote it, `store.invalid` when the file is something else
 * or damaged, and a `TypeError` for `:memory:`. A file that is refused is left as it is.
 */
export function openSqliteStore(path: string): Store {
  const connection = connect(path);
  if (connection.statements.get.get(SEAL_KEY) === undefined) return storeOn(connection);
  connection.database.close();
  throw new ClientError('store.sealed', 'the store is encrypted');
}

/** The same, waiting for whoever holds the store. Rejects with `store.locked` when that took too long. */
export function waitForSqliteStore(path: string, options: OpenStoreOptions): Promise<Store> {
  return whenFree(() => openSqliteStore(path), options);
}

/**
 * Opens or makes an encrypted store at `path`; `store-sealed.ts` says what of it stays readable. Rejects as
 * {@link openSqliteStore} throws, with `store.key-wrong`, and with `store.plain` when the file is not encrypted.
 */
export async function openSealedSqliteStore(
  path: string,
  secret: StoreSecret,
  options: OpenStoreOptions = {},
): Promise<SealedStore> {
  const store = await whenFree(() => storeOn(connect(path)), options);
  return sealStore(store, { secret, provider: nodeProvider });
}

async function whenFree(open: () => Store, { waitUntil }: OpenStoreOptions): Promise<Store> {
  for (;;) {
    try {
      return open();
    } catch (error) {
      const isHeld = error instanceof ClientError && error.code === 'store.locked';
      if (!isHeld || waitUntil === undefined || waitUntil.aborted) throw error;
    }
    await pause(STORE_POLL_MS, waitUntil);
  }
}

function storeOn(connection: Connection): Store {
  const committed = cacheCommitted(entriesOf(connection));
  return storeOfTurns({
    commitTogether: (turns) => commitTogether(connection, committed, turns),
    // A turn of the event loop, so that what arrived during the last flush shares the next one.
    gather: () => new Promise((resolve) => setImmediate(resolve)),
    close: () => connection.database.close(),
  });
}

function connect(path: string): Connection {
  if (path === ':memory:') {
    throw new TypeError('openSqliteStore takes the path of a file: use openMemoryStore instead');
  }
  createForOwner(path);
  const database = open(path);
  try {
    prepareFile(database);
    return { database, statements: prepareStatements(database) };
  } catch (cause) {
    database.close();
    if (cause instanceof ClientError) throw cause;
    if (isBusy(cause)) {
      throw new ClientError('store.locked', 'the store is in use by another client', { cause });
    }
    throw new ClientError('store.invalid', 'the file is not a readable store', { cause });
  }
}

function open(path: string): DatabaseSync {
  try {
    return new DatabaseSync(path);
  } catch (cause) {
    // A file that may not be read, or not now, is no damaged store.
    if (statSync(path, { throwIfNoEntry: false })?.isFile()) throw cause;
    throw new ClientError('store.invalid', 'there is no file that can be a store', { cause });
  }
}

/**
 * Makes the file before SQLite does, with its mode. An existing file is not touched: closing any descriptor of it
 * would drop the lock that another connection of this process holds (a property of POSIX locks).
 */
function createForOwner(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
}

function prepareFile(database: DatabaseSync): void {
  // Exclusive before the first access: the write-ahead log then needs no shared memory, and the lock stays.
  database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE');
  const version = versionOf(database);
  database.exec('COMMIT');
  // Only now is it known to be ours to change.
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA secure_delete = ON');
  if (version === MIGRATIONS.length) return;
  database.exec('BEGIN EXCLUSIVE');
  for (const migration of MIGRATIONS.slice(version)) database.exec(migration);
  database.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
  database.exec(`PRAGMA user_version = ${MIGRATIONS.length}`);
  database.exec('COMMIT');
}

/** 0 for a new file. */
function versionOf(database: DatabaseSync): number {
  const version = pragma(database, 'user_version');
  const application = pragma(database, 'application_id');
  const isNew = version === 0 && application === 0 && countTables(database) === 0;
  if (!isNew && application !== APPLICATION_ID) {
    throw new ClientError('store.invalid', 'the file is a database of another program');
  }
  if (version > MIGRATIONS.length) {
    throw new ClientError('store.newer', 'the store was written by a newer release');
  }
  return version;
}

function pragma(database: DatabaseSync, name: 'user_version' | 'application_id'): number {
  return Number(database.prepare(`PRAGMA ${name}`).get()?.[name]);
}

function countTables(database: DatabaseSync): number {
  return Number(database.prepare('SELECT count(*) AS tables FROM sqlite_schema').get()?.tables);
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === 5; // SQLITE_BUSY
}

function prepareStatements(database: DatabaseSync): Statements {
  return {
    begin: database.prepare('BEGIN IMMEDIATE'),
    commit: database.prepare('COMMIT'),
    get: database.prepare('SELECT value FROM entries WHERE key = ?'),
    // Unlike REPLACE it writes over what is there, and does not delete that first.
    put: database.prepare(
      'INSERT INTO entries (key, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value',
    ),
    delete: database.prepare('DELETE FROM entries WHERE key = ?'),
    // One bound below: of two SQLite takes the first, and reads whatever lies between them.
    list: database.prepare(
      'SELECT key, value FROM entries WHERE key > ? AND key < ? ORDER BY key LIMIT ?',
    ),
  };
}

async function commitTogether(
  connection: Connection,
  committed: CommittedCache,
  turns: readonly Turn[],
): Promise<void> {
  let endings: readonly (() => void)[];
  try {
    const changes = createStoreChanges();
    endings = await runTurns(committed, changes, turns);
    if (changes.size > 0) commit(connection, changes);
    committed.note(changes);
  } catch (error) {
    // The disk is full or broken: nothing of this commit is on it, and each caller must know.
    for (const turn of turns) turn.fail(error);
    return;
  }
  for (const tell of endings) tell();
}

function commit({ database, statements }: Connection, changes: StoreChanges): void {
  try {
    statements.begin.run();
    for (const [key, value] of changes.under('')) {
      if (value === undefined) statements.delete.run(key);
      else statements.put.run(key, value);
    }
    statements.commit.run();
  } catch (error) {
    if (database.isTransaction) database.exec('ROLLBACK');
    throw error;
  }
}

function entriesOf({ statements }: Connection): CommittedEntries {
  return {
    get: (key) => statements.get.get(key)?.value as Uint8Array | undefined,
    list({ prefix, after = prefix, limit }) {
      // '~' sorts behind every character that a key may have.
      const rows = statements.list.all(after, `${prefix}~`, limit);
      return rows.map((row) => ({ key: String(row.key), value: row.value as Uint8Array }));
    },
  };
}
