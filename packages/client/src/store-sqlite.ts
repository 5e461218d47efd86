/**
 * A store in one SQLite file, by Node's own `node:sqlite` (Node 22.13 and later). Sub-path `@sotto/client/sqlite`.
 *
 * The file is held exclusively: a second process, or a second client in this one, is refused with `store.locked`,
 * because two writers would advance the same ratchets. The lock is the operating system's and ends with the process.
 * Transactions that are asked for while a commit is under way share the next one: each is a savepoint, all wait for
 * the same flush. The file holds private keys; it is made readable for its owner only.
 */
import { closeSync, openSync } from 'node:fs';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { ClientError } from './errors.ts';
import { TRANSACTIONS_PER_COMMIT_MAX } from './limits.ts';
import { checkStoreKey, type Store, type StoreTransaction, type StoreWork } from './store.ts';

/** 'Sott' in the file's header, so that another program's database is never taken for a store. */
const APPLICATION_ID = 0x536f7474;
const SCHEMA_VERSION = 1;

/** A transaction that waits for its turn. `run` resolves with what to tell the caller after the commit. */
interface Turn {
  run(connection: Connection): Promise<() => void>;
  fail(error: unknown): void;
}

interface Connection {
  readonly database: DatabaseSync;
  readonly statements: Statements;
}

type Statements = Record<'get' | 'put' | 'delete' | 'list', StatementSync>;

/**
 * Opens or makes the store at `path`. Throws `store.locked` when another process or client holds it, `store.invalid`
 * when the file is something else, is damaged, or was written by a newer release, and a `TypeError` for `:memory:`.
 */
export function openSqliteStore(path: string): Store {
  const connection = connect(path);
  const waiting: Turn[] = [];
  let draining: Promise<void> | undefined;
  let closing: Promise<void> | undefined;

  async function drain(): Promise<void> {
    while (waiting.length > 0) {
      // A turn of the event loop, so that what arrived during the last flush shares the next one.
      await new Promise((resolve) => setImmediate(resolve));
      await commitTogether(connection, waiting.splice(0, TRANSACTIONS_PER_COMMIT_MAX));
    }
    draining = undefined;
  }

  return {
    transaction<T>(work: StoreWork<T>): Promise<T> {
      if (closing) return Promise.reject(new ClientError('store.closed', 'the store is closed'));
      return new Promise<T>((resolve, reject) => {
        waiting.push({ run: (open) => attempt(open, { work, resolve, reject }), fail: reject });
        draining ??= drain();
      });
    },
    close() {
      closing ??= (draining ?? Promise.resolve()).then(() => connection.database.close());
      return closing;
    },
  };
}

function connect(path: string): Connection {
  if (path === ':memory:') {
    throw new TypeError('openSqliteStore takes the path of a file: use openMemoryStore instead');
  }
  createForOwner(path);
  const database = new DatabaseSync(path);
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
  database.exec('PRAGMA locking_mode = EXCLUSIVE; PRAGMA journal_mode = WAL');
  database.exec('PRAGMA synchronous = FULL; PRAGMA secure_delete = ON; BEGIN EXCLUSIVE');
  const version = pragma(database, 'user_version');
  const application = pragma(database, 'application_id');
  const isNew = version === 0 && application === 0 && countTables(database) === 0;
  if (!isNew && application !== APPLICATION_ID) {
    throw new ClientError('store.invalid', 'the file is a database of another program');
  }
  if (version > SCHEMA_VERSION) {
    throw new ClientError('store.invalid', 'the store was written by a newer release');
  }
  if (isNew) {
    database.exec('CREATE TABLE entries (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID');
    database.exec(`PRAGMA application_id = ${APPLICATION_ID}`);
    database.exec(`PRAGMA user_version = ${SCHEMA_VERSION}`);
  }
  database.exec('COMMIT');
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
    get: database.prepare('SELECT value FROM entries WHERE key = ?'),
    put: database.prepare('INSERT OR REPLACE INTO entries (key, value) VALUES (?, ?)'),
    delete: database.prepare('DELETE FROM entries WHERE key = ?'),
    list: database.prepare(
      'SELECT key, value FROM entries WHERE key > ? AND key >= ? AND key < ? ORDER BY key LIMIT ?',
    ),
  };
}

async function commitTogether(connection: Connection, turns: readonly Turn[]): Promise<void> {
  const { database } = connection;
  const endings: (() => void)[] = [];
  try {
    database.exec('BEGIN IMMEDIATE');
    for (const turn of turns) endings.push(await turn.run(connection));
    database.exec('COMMIT');
  } catch (error) {
    // The disk is full or broken: nothing of this commit is on it, and each caller must know.
    if (database.isTransaction) database.exec('ROLLBACK');
    for (const turn of turns) turn.fail(error);
    return;
  }
  for (const tell of endings) tell();
}

interface Asked<T> {
  work: StoreWork<T>;
  resolve(value: T): void;
  reject(error: unknown): void;
}

async function attempt<T>(connection: Connection, asked: Asked<T>): Promise<() => void> {
  const { database } = connection;
  const { transaction, end } = open(connection);
  database.exec('SAVEPOINT turn');
  try {
    const value = await asked.work(transaction);
    database.exec('RELEASE turn');
    return () => asked.resolve(value);
  } catch (error) {
    database.exec('ROLLBACK TO turn; RELEASE turn');
    return () => asked.reject(error);
  } finally {
    end();
  }
}

function open({ statements }: Connection) {
  let over = false;
  const check = (key: string) => {
    if (over) throw new ClientError('store.closed', 'the transaction is over');
    checkStoreKey(key);
  };
  const transaction: StoreTransaction = {
    async get(key) {
      check(key);
      return statements.get.get(key)?.value as Uint8Array | undefined;
    },
    async put(key, value) {
      check(key);
      statements.put.run(key, value);
    },
    async delete(key) {
      check(key);
      statements.delete.run(key);
    },
    async list({ prefix, after = '', limit }) {
      check(prefix);
      // '~' sorts behind every character that a key may have.
      const rows = statements.list.all(after, prefix, `${prefix}~`, limit);
      return rows.map((row) => ({ key: String(row.key), value: row.value as Uint8Array }));
    },
  };
  const end = () => {
    over = true;
  };
  return { transaction, end };
}
