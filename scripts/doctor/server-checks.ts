/** What is checked of the servers that the platform stands on. */
import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';
import {
  ConfigError,
  createLogger,
  openRedisCounters,
  openS3Blobs,
  type S3BlobsOptions,
} from '@sotto/runtime';
import type pg from 'pg';
import { SCHEMAS } from '../backup/records.ts';
import { appliedMigrations, MIGRATIONS } from '../backup/release.ts';
import { connectTo, findConnection } from '../backup/site.ts';
import {
  type Check,
  type Checks,
  type Finding,
  fail,
  ok,
  type Patient,
  skipped,
  unknown,
  warn,
} from './finding.ts';
import { askNats } from './nats-greeting.ts';

const POSTGRES_MAJOR_MIN = 16;
const CLOCK_MS_MAX = 2_000;
const OUTBOX_SECONDS_MAX = 60;

/** Sixteen for each of the four services that use it, as many again for a short while in an upgrade, and some for operators. */
const CONNECTIONS_MIN = 100;
/** What a restart of one service, or a backup, asks for at once is to be left. */
const CONNECTIONS_TAKEN_MAX = 0.8;

/** As long as an operator likes to wait for one line. */
const ANSWER_MS = 5_000;

export const serverChecks: Checks = {
  database: () => asked(answers, UNREACHED),
  'database-version': inDatabase(async (client) => {
    const version = await setting(client, 'server_version');
    if (Number.parseInt(version, 10) >= POSTGRES_MAJOR_MIN) return ok(`PostgreSQL ${version}`);
    return fail(`PostgreSQL ${version}`, `upgrade it to ${POSTGRES_MAJOR_MIN} or newer`);
  }),
  'database-durability': inDatabase(async (client) => {
    const off: string[] = [];
    for (const name of ['fsync', 'full_page_writes', 'synchronous_commit']) {
      if ((await setting(client, name)) === 'off') off.push(name);
    }
    if (off.length === 0) return ok('what is acknowledged is on disk');
    return fail(`${off.join(', ')} is off: acknowledged messages can be lost`, 'turn it on');
  }),
  'database-connections': inDatabase(async (client) => {
    const { rows } = await client.query<{ most: number; taken: number }>(`
      select current_setting('max_connections')::int as most, sum(numbackends)::int as taken
      from pg_stat_database`);
    const { most, taken } = rows[0] ?? { most: 0, taken: 0 };
    return judgeConnections(most, taken);
  }),
  clock: inDatabase(async (client) => {
    const before = Date.now();
    const { rows } = await client.query<{ now: Date }>('select clock_timestamp() as now');
    const middle = (before + Date.now()) / 2;
    const apart = Math.abs((rows[0]?.now.getTime() ?? 0) - middle);
    const says = `${(apart / 1000).toFixed(1)} s apart from the database's`;
    return apart <= CLOCK_MS_MAX ? ok(says) : fail(says, 'run an NTP client on both machines');
  }),
  migrations: inDatabase(migrations),
  restore: inDatabase(async (client) => {
    const { rows } = await client.query('select restoring from message.platform');
    if (rows[0]?.restoring == null) return ok('none is half done');
    return fail(
      'a restore was broken off, and the platform does not start',
      'npm run restored ends it',
    );
  }),
  outbox: inDatabase(outbox),
  nats,
  redis,
  files,
};

/** Of the database's connections, whether there are enough, and some left. */
export function judgeConnections(most: number, taken: number): Finding {
  const says = `${taken} of ${most} connections are taken`;
  if (most < CONNECTIONS_MIN) {
    return warn(
      says,
      `raise max_connections to ${CONNECTIONS_MIN}, to 200 for two of each service`,
    );
  }
  if (taken <= most * CONNECTIONS_TAKEN_MAX) return ok(says);
  return warn(says, 'raise max_connections: 16 for each process of a service');
}

type Ask = (client: pg.Client) => Promise<Finding>;

/** A check that asks the database, on a connection of its own. */
function inDatabase(ask: Ask): Check {
  // That it cannot be reached is said once, by the check of that name.
  return () => asked(ask, unknown('the database does not let us in'));
}

const UNREACHED = fail('the database does not let us in', 'see DATABASE_URL, or DB_HOST and so on');

async function asked(ask: Ask, unreached: Finding): Promise<Finding> {
  const connection = findConnection();
  if (connection === undefined)
    return unknown('the platform does not run: npm start, then ask again');
  let client: pg.Client;
  try {
    client = await connectTo({
      connection: { ...connection, connectionTimeoutMillis: ANSWER_MS },
    });
  } catch {
    return unreached;
  }
  try {
    return await ask(client);
  } catch (error) {
    if (codeOf(error) === '42501') {
      return unknown('the role may not see this: give DATABASE_URL of one that may');
    }
    const isEmpty = ['42P01', '3F000'].includes(codeOf(error));
    if (isEmpty) return warn('there are no tables yet', 'start the platform once');
    return fail(`the database failed (${codeOf(error)})`, 'see its log');
  } finally {
    await client.end();
  }
}

async function answers(client: pg.Client): Promise<Finding> {
  const { rows } = await client.query('select current_user as role, current_database() as name');
  return ok(`answers as ${rows[0]?.role} in ${rows[0]?.name}`);
}

async function setting(client: pg.Client, name: string): Promise<string> {
  const { rows } = await client.query<{ value: string }>('select current_setting($1) as value', [
    name,
  ]);
  return rows[0]?.value ?? '';
}

async function migrations(client: pg.Client): Promise<Finding> {
  const behind: string[] = [];
  const ahead: string[] = [];
  for (const schema of SCHEMAS) {
    const applied = new Set(await appliedMigrations(client, schema));
    const known = Object.keys(MIGRATIONS[schema]);
    behind.push(...known.filter((name) => !applied.has(name)).map((name) => `${schema} ${name}`));
    ahead.push(
      ...[...applied].filter((name) => !known.includes(name)).map((name) => `${schema} ${name}`),
    );
  }
  if (ahead.length > 0) {
    return fail(
      `the database is of a newer release: ${ahead.join(', ')}`,
      'run that release: docs/operations/upgrade.md',
    );
  }
  if (behind.length > 0) {
    return warn(
      `still to come: ${behind.join(', ')}`,
      'services of this release do it as they start',
    );
  }
  return ok('every schema is at this release');
}

async function outbox(client: pg.Client): Promise<Finding> {
  let oldest = 0;
  for (const schema of SCHEMAS) {
    const { rows } = await client
      .query<{ age: string }>(
        `select coalesce(extract(epoch from now() - min(created_at)), 0)::int::text as age
      from ${schema}.outbox`,
      )
      .catch((error: unknown) => {
        if (codeOf(error) === '42P01') return { rows: [] };
        throw error;
      });
    oldest = Math.max(oldest, Number(rows[0]?.age ?? 0));
  }
  if (oldest <= OUTBOX_SECONDS_MAX) return ok(`no event waits for longer than ${oldest} s`);
  return fail(`an event has waited for ${oldest} s`, 'see that NATS runs and services reach it');
}

async function nats({ config: { nats: section } }: Patient): Promise<Finding> {
  if (section.url === undefined) return skipped('events stay within one process');
  try {
    const { version, jetstream } = await askNats({
      ...section,
      url: section.url,
      withinMs: ANSWER_MS,
    });
    if (!jetstream) return fail(`NATS ${version} without JetStream`, 'turn it on: nats-server -js');
    return ok(`NATS ${version} with JetStream`);
  } catch (error) {
    const why = error instanceof Error ? error.message : 'no reason';
    return fail(`NATS does not let us in (${why})`, 'see NATS_URL and NATS_CA');
  }
}

async function redis({ config: { redis: section } }: Patient): Promise<Finding> {
  const { url, ca } = section;
  if (url === undefined) return skipped('limits are counted within one process');
  const log = createLogger({ service: 'doctor', level: 'silent' });
  const counters = await openRedisCounters({ url, ca, log });
  try {
    await counters.ping();
    return ok('Redis answers');
  } catch {
    return fail('Redis does not answer, or refuses us', 'see REDIS_URL and REDIS_CA');
  } finally {
    await counters.close();
  }
}

async function files({ config, isEmbedded, environment }: Patient): Promise<Finding> {
  const { s3, data } = config;
  const { endpoint } = s3;
  if (endpoint === undefined) {
    // Only a file service of its own heeds the variable.
    const named = isEmbedded ? undefined : environment.FILE_DIRECTORY;
    const directory = named || join(data.directory, 'blobs');
    return access(directory, constants.R_OK | constants.W_OK | constants.X_OK).then(
      () => ok(directory),
      (error) =>
        codeOf(error) === 'ENOENT'
          ? unknown(`there is no ${directory}: the first start makes it`)
          : fail(`${directory} cannot be written to`, 'run this as the user of the platform'),
    );
  }
  // A store that is busy misses a deadline now and then.
  for (let attempt = 1; attempt <= STORE_ATTEMPTS_MAX; attempt += 1) {
    const isThere = await asksBucket({ ...s3, endpoint });
    if (isThere instanceof ConfigError) {
      return fail(isThere.faults.map(({ problem }) => problem).join('; '), SEE_STORE);
    }
    if (isThere) return ok(`the bucket ${s3.bucket} answers`);
  }
  return fail(`the bucket ${s3.bucket} does not answer`, SEE_STORE);
}

const SEE_STORE = 'see S3_ENDPOINT, S3_BUCKET and the keys; the file service makes the bucket';

/** Makes none. */
async function asksBucket(
  options: Omit<S3BlobsOptions, 'mustExist'>,
): Promise<boolean | ConfigError> {
  try {
    const blobs = await openS3Blobs({ ...options, mustExist: true });
    const answer = blobs.ping().then(
      () => true,
      () => false,
    );
    return await answer.finally(() => blobs.close());
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
}

const STORE_ATTEMPTS_MAX = 3;

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'no code';
}
