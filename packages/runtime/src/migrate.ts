/** Forward-only migrations of one schema, run at each start by whichever process comes first. */
import { setTimeout as sleep } from 'node:timers/promises';
import { Kysely, PostgresDialect, sql } from 'kysely';
import type pg from 'pg';
import { queryOn } from './lent-connection.ts';
import { DATABASE_START_MS } from './limits.ts';
import type { Logger } from './log.ts';
import { type Database, openPatientPool } from './postgres.ts';
import { databaseFault, misconfigured } from './start-faults.ts';

/**
 * One step, in a transaction of its own; never changed once released. It sees the schema as it was then, so it is
 * written in kysely's schema builder or in SQL, not against the table interfaces of today.
 */
export type Migration = (transaction: Kysely<unknown>) => Promise<void>;

/** Steps by name. They run in the order of the record, so name them `0001-…`. */
export type Migrations = Readonly<Record<string, Migration>>;

export interface MigrateOptions {
  log?: Logger;
}

/**
 * Brings a schema up to date, creating it if the role may. Waits up to 30 s for a database that is not up yet. Many
 * processes may call this at once: one works, the others wait for it. Throws when a step fails, having undone it; a
 * ConfigError or an UnavailableError for what the operator has to mend.
 */
export async function migrate(
  database: Pick<Database<unknown>, 'pool'>,
  schema: string,
  migrations: Migrations,
  { log }: MigrateOptions = {},
): Promise<void> {
  // Waiting for another process, and rewriting a table, may both take longer than a request ever may.
  const pool = openPatientPool(database);
  // Of its own, because a migration knows no table interfaces. Destroying it closes the pool.
  await using query = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
  try {
    await waitForDatabase(query, log);
    await migrateOn(query, { schema, migrations, log });
  } catch (error) {
    throw databaseFault(error);
  }
}

interface Work {
  schema: string;
  migrations: Migrations;
  log: Logger | undefined;
}

async function migrateOn(query: Kysely<unknown>, { schema, migrations, log }: Work): Promise<void> {
  await query.connection().execute(async (connection) => {
    await sql`select pg_advisory_lock(hashtextextended(${`migrate:${schema}`}, 0))`.execute(
      connection,
    );
    try {
      await createSchema(connection, schema);
      await runPending(connection, migrations, log);
    } finally {
      await sql`select pg_advisory_unlock(hashtextextended(${`migrate:${schema}`}, 0))`.execute(
        connection,
      );
    }
  });
}

/**
 * Runs steps in the transaction that a connection is in, on the schema that comes first in its search path: a restore
 * makes the tables of a backup so, and leaves nothing behind when it fails. Steps that were done are passed over.
 */
export async function migrateWithin(client: pg.Client, migrations: Migrations): Promise<void> {
  const transaction = queryOn<unknown>(client);
  await createMigrationsTable(transaction);
  const done = await namesOfDone(transaction);
  for (const [name, migration] of Object.entries(migrations)) {
    if (!done.has(name)) await runOne(transaction, name, migration);
  }
}

async function createSchema(connection: Kysely<unknown>, schema: string): Promise<void> {
  const found = await sql`select 1 from pg_namespace where nspname = ${schema}`.execute(connection);
  // "if not exists" asks for the right to create even when there is nothing to do.
  if (found.rows.length === 0) {
    await sql`create schema if not exists ${sql.id(schema)}`.execute(connection);
  }
  await createMigrationsTable(connection);
}

async function createMigrationsTable(connection: Kysely<unknown>): Promise<void> {
  await sql`create table if not exists migrations (
    name text primary key,
    applied_at timestamptz not null default now()
  )`.execute(connection);
}

async function namesOfDone(connection: Kysely<unknown>): Promise<Set<string>> {
  const { rows } = await sql<{ name: string }>`select name from migrations`.execute(connection);
  return new Set(rows.map(({ name }) => name));
}

async function runOne(
  transaction: Kysely<unknown>,
  name: string,
  migration: Migration,
): Promise<void> {
  await migration(transaction);
  await sql`insert into migrations (name) values (${name})`.execute(transaction);
}

async function runPending(
  connection: Kysely<unknown>,
  migrations: Migrations,
  log: Logger | undefined,
): Promise<void> {
  const done = await namesOfDone(connection);
  refuseContracted(done, migrations, log);
  for (const [name, migration] of Object.entries(migrations)) {
    if (done.has(name)) continue;
    await connection.transaction().execute((transaction) => runOne(transaction, name, migration));
    log?.info('migrated', { name });
  }
}

/**
 * Steps of a newer release, which is being rolled out or was taken back. Most only add what this release does not see;
 * one whose name ends so has taken away what this release still asks for.
 */
const CONTRACT = '-contract';

function refuseContracted(
  done: ReadonlySet<string>,
  migrations: Migrations,
  log: Logger | undefined,
): void {
  const unknown = [...done].filter((name) => migrations[name] === undefined);
  if (unknown.length === 0) return;
  if (unknown.some((name) => name.endsWith(CONTRACT))) {
    const problem = `is of a newer release (${unknown.join(', ')}): run that one`;
    throw misconfigured('database', 'DATABASE_URL', problem);
  }
  log?.warn('the database is of a newer release', { name: unknown.join(', ') });
}

const RETRY_MS = 250;

/** "cannot connect now" and its siblings, and a database that its first start has yet to create. */
const NOT_UP_YET = /^(08|57P|3D000)/;

async function waitForDatabase(query: Kysely<unknown>, log?: Logger): Promise<void> {
  const deadline = Date.now() + DATABASE_START_MS;
  for (let attempt = 1; ; attempt++) {
    try {
      await sql`select 1`.execute(query);
      return;
    } catch (error) {
      if (!mayPass(error) || Date.now() > deadline) throw error;
      if (attempt === 1) log?.warn('waiting for the database', { error });
      await sleep(RETRY_MS);
    }
  }
}

/** False for what waiting does not mend, such as a wrong password. */
function mayPass(error: unknown): boolean {
  if (!(error instanceof Error && 'code' in error)) return false;
  const code = String(error.code);
  return /^E[A-Z_]+$/.test(code) || NOT_UP_YET.test(code);
}
