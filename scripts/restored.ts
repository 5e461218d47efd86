/**
 * `npm run restored`: to be run once after a backup of the database was put back, before the platform is started on it.
 * docs/restore.md says when and why.
 */
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import {
  ConfigError,
  databaseOptions,
  EXIT_CONFIG,
  EXIT_FAILED,
  EXIT_USAGE,
  openDatabase,
} from '@sotto/runtime';
import { restoreSessions } from '../services/auth/src/restored.ts';
import type { AuthTables } from '../services/auth/src/schema.ts';
import { restoreKeys } from '../services/key/src/restored.ts';
import type { KeyTables } from '../services/key/src/schema.ts';
import { AlreadyRestored, beginRestore, endRestore } from '../services/message/src/restored.ts';
import type { Tables as MessageTables } from '../services/message/src/schema.ts';
import {
  dataDirectoryOf,
  loadStandaloneConfig,
  secretsDirectory,
} from '../services/standalone/src/config.ts';
import { lockData } from '../services/standalone/src/data-lock.ts';
import { type Databases, openDatabases } from '../services/standalone/src/databases.ts';

const USAGE = `usage: npm run restored [-- --again]

Run it after a backup of the database was put back, with the platform stopped, before it is
started again. Set DATA_DIR or DATABASE_URL as for the platform; DATABASE_URL names a role that
may write to the schemas auth, key and message.

  --again   do it once more, though the platform has not run since
  --help    show this

Exit codes: 0 done, 1 not possible, 64 wrong call, 78 wrong configuration.`;

/** PostgreSQL's codes for a column, a table and a schema that is not there. */
const ABSENT = ['42703', '42P01', '3F000'];

const path = (name: string) => fileURLToPath(new URL(`../${name}`, import.meta.url));

process.exitCode = await main();

async function main(): Promise<number> {
  const given = readArguments();
  if (given === undefined || given.help) {
    (given === undefined ? console.error : console.log)(USAGE);
    return given === undefined ? EXIT_USAGE : 0;
  }
  try {
    await restore(given.again);
    return 0;
  } catch (error) {
    console.error(`sotto: ${explain(error)}`);
    return error instanceof ConfigError ? EXIT_CONFIG : EXIT_FAILED;
  }
}

function readArguments() {
  try {
    const options = {
      again: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    } as const;
    return parseArgs({ options }).values;
  } catch {
    return undefined;
  }
}

async function restore(again: boolean): Promise<void> {
  const source = { environment: process.env, file: path('config.yaml') };
  const directory = dataDirectoryOf(source, path('.data'));
  const isElsewhere = Boolean(process.env.DATABASE_URL ?? process.env.DB_HOST);
  // What is not there is not made: an empty platform has nothing to restore.
  if (!isElsewhere && !existsSync(secretsDirectory(directory))) {
    throw new Error(`there is no platform in ${directory}: set DATA_DIR or DATABASE_URL`);
  }
  // Held by a platform that runs here.
  const lock = lockData(directory);
  try {
    const config = loadStandaloneConfig(source, { dataDirectory: path('.data') });
    const databases = await openDatabases(config, (error) => console.error(error.message));
    try {
      await restoreIn(databases.sections, again);
    } finally {
      await databases.close();
    }
  } finally {
    lock.close();
  }
}

/** The message service's database says how far this is: it begins first and ends last. */
async function restoreIn(sections: Databases['sections'], again: boolean): Promise<void> {
  await using opened = new AsyncDisposableStack();
  const open = <Tables>(service: 'auth' | 'key' | 'message') => {
    const options = databaseOptions(sections[service], service);
    const database = openDatabase<Tables>({ ...options, poolMax: 1 });
    opened.defer(() => database.close());
    return database;
  };
  const message = open<MessageTables>('message');
  await requireNobody(message.pool);
  const now = Date.now();
  const incarnation = await beginRestore(message, { now, again });
  const keys = await restoreKeys(open<KeyTables>('key'), { incarnation, time: now });
  const { sessions } = await restoreSessions(open<AuthTables>('auth'));
  const { conversations } = await endRestore(message, incarnation);
  console.log(`incarnation ${incarnation}`);
  console.log(`${conversations} conversations go on above all places that they may have taken`);
  if (keys) console.log(`${keys.prekeys} one-time prekeys deleted; devices bring others`);
  console.log(`${sessions} sessions ended; devices that sign their log-ins open others`);
  console.log('the key log says that the platform was restored');
}

/** A platform that runs would go on from what it remembers. */
async function requireNobody(pool: ReturnType<typeof openDatabase>['pool']): Promise<void> {
  const { rows } = await pool.query<{ others: number }>(`
    select count(*)::int as others from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid()
      and backend_type = 'client backend' and usename in (
        select current_user union select pg_get_userbyid(nspowner) from pg_namespace
        where nspname in ('auth', 'key', 'message', 'file'))`);
  const others = rows[0]?.others ?? 0;
  if (others > 0) {
    throw new Error(`stop the platform first: ${others} connections to its database are open`);
  }
}

function explain(error: unknown): string {
  if (error instanceof AlreadyRestored) {
    return `${error.message}, and nothing has run on it since; start the platform, or say --again`;
  }
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (ABSENT.includes(code)) {
    return 'this backup is of another release: use the "npm run restored" of that one';
  }
  return error instanceof Error ? error.message : 'this failed';
}
