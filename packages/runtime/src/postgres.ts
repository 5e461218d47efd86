/** PostgreSQL: a pool whose connections see one schema, and kysely over it. */
import { Socket } from 'node:net';
import { Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import {
  DATABASE_CONNECT_MS,
  DATABASE_IDLE_IN_TRANSACTION_MS,
  DATABASE_KEEPALIVE_MS,
  DATABASE_POOL_MAX,
  DATABASE_SILENCE_MORE_MS,
  DATABASE_STATEMENT_MS,
  DATABASE_URGENT_LOCK_MS,
  DATABASE_URGENT_SILENCE_MS,
  DATABASE_URGENT_STATEMENT_MS,
} from './limits.ts';
import { columnTypes } from './postgres-types.ts';
import type { DatabaseSection } from './sections.ts';
import { readNamedFile } from './start-faults.ts';

export interface DatabaseOptions {
  host: string;
  port: number;
  user: string;
  password: string;
  database: string;
  /** Created by `migrate` if need be; the only one that queries see. */
  schema: string;
  poolMax?: number;
  /** How long a statement may take; DATABASE_STATEMENT_MS when left out. */
  statementMs?: number;
  /** By certificates that the system believes, or by those given. Either way the server's name is checked. */
  ssl?: boolean | { ca: Buffer; host: string };
}

export interface Database<Tables> {
  query: Kysely<Tables>;
  /** For statements that kysely has no words for. */
  pool: pg.Pool;
  schema: string;
  /** Resolves when the database answers. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

/** The options of one service's schema from the configuration. */
export function databaseOptions(section: DatabaseSection, schema: string): DatabaseOptions {
  const { url, ca, ...parts } = section;
  if (url === undefined) return { ...parts, schema, ...(ca && { ssl: believing(ca, parts.host) }) };
  const { hostname, port, username, password, pathname, searchParams } = new URL(url);
  const sslMode = searchParams.get('sslmode') ?? 'disable';
  // Brackets belong to the URL, not to the address.
  const host = decodeURIComponent(hostname).replace(/^\[|\]$/g, '') || parts.host;
  return {
    host,
    port: port === '' ? 5432 : Number(port),
    user: decodeURIComponent(username) || parts.user,
    password: decodeURIComponent(password) || parts.password,
    database: decodeURIComponent(pathname.slice(1)) || parts.database,
    schema,
    ssl: ca ? believing(ca, host) : !['disable', 'allow', 'prefer'].includes(sslMode),
  };
}

/** The host is what the certificate must name: the driver says it by itself for names alone, not for addresses. */
function believing(ca: string, host: string): { ca: Buffer; host: string } {
  return { ca: readNamedFile(ca, 'database.ca', 'DB_CA'), host };
}

const SCHEMA_NAME = /^[a-z_][a-z0-9_]{0,62}$/;

/**
 * Opens a pool; connects when first used. Numbers of 64 bits arrive as JavaScript numbers and throw beyond 2^53,
 * `bytea` as a Buffer, `timestamptz` as a Date. Close it.
 */
export function openDatabase<Tables>(options: DatabaseOptions): Database<Tables> {
  const { schema, poolMax = DATABASE_POOL_MAX, statementMs, ...connection } = options;
  if (!SCHEMA_NAME.test(schema)) throw new TypeError('a schema is named by lower-case letters');
  const pool = new CodedPool({
    ...connection,
    max: poolMax,
    options: `-c search_path=${schema}`,
    connectionTimeoutMillis: DATABASE_CONNECT_MS,
    statement_timeout: statementMs ?? DATABASE_STATEMENT_MS,
    idle_in_transaction_session_timeout: DATABASE_IDLE_IN_TRANSACTION_MS,
    keepAlive: true,
    keepAliveInitialDelayMillis: DATABASE_KEEPALIVE_MS,
    types: columnTypes,
  });
  surviveLostConnections(pool);
  pool.on('connect', (client) => endSilence(client, silenceMs(pool)));
  return {
    query: new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) }),
    pool,
    schema,
    async ping() {
      await pool.query('select 1');
    },
    close: () => pool.end(),
  };
}

/**
 * A pool of one connection with another's options but no bound on the time of a statement, for what happens outside of
 * requests. Close it.
 */
export function openPatientPool({ pool }: Pick<Database<unknown>, 'pool'>): pg.Pool {
  const patient = new CodedPool({ ...optionsOf(pool), max: 1, statement_timeout: 0 });
  surviveLostConnections(patient);
  return patient;
}

/**
 * A pool beside another, for statements whose answers are worth nothing when they are late: they give up on another's
 * lock, on themselves and on a silent server within two seconds. Close it.
 */
export function openUrgentPool({ pool }: Pick<Database<unknown>, 'pool'>, max: number): pg.Pool {
  const urgent = new CodedPool({
    ...optionsOf(pool),
    max,
    lock_timeout: DATABASE_URGENT_LOCK_MS,
    statement_timeout: DATABASE_URGENT_STATEMENT_MS,
  });
  surviveLostConnections(urgent);
  urgent.on('connect', (client) => endSilence(client, DATABASE_URGENT_SILENCE_MS));
  // An idle connection owes nothing, and may well be silent for longer.
  urgent.on('acquire', (client) => streamOf(client)?.setTimeout(DATABASE_URGENT_SILENCE_MS));
  urgent.on('release', (_, client) => streamOf(client)?.setTimeout(0));
  return urgent;
}

/** How long a connection of a pool's may owe an answer. */
export function silenceMs({ options }: pg.Pool): number {
  return (options.statement_timeout || DATABASE_STATEMENT_MS) + DATABASE_SILENCE_MORE_MS;
}

/** A pool's options, to open a connection beside it. */
export function optionsOf({ options }: pg.Pool): pg.PoolOptions {
  // The pool hides its password from enumeration, and with it from a spread.
  const { password } = options;
  return { ...options, ...(password !== undefined && { password }) };
}

/** SQLSTATEs for what the driver says in words only: no connection to be had, and a connection lost. */
const UNABLE_TO_CONNECT = '08001';
const CONNECTION_FAILURE = '08006';

/** A pool whose failures to connect carry a code. The driver offers no hook for that, hence the inheritance. */
class CodedPool extends pg.Pool {
  override connect(): Promise<pg.PoolClient>;
  override connect(callback: ConnectCallback): void;
  override connect(callback?: ConnectCallback): Promise<pg.PoolClient> | undefined {
    if (callback === undefined) {
      return super.connect().catch((error: unknown) => {
        throw withCode(error, UNABLE_TO_CONNECT);
      });
    }
    super.connect((error, client, release) => {
      callback(error && withCode(error, UNABLE_TO_CONNECT), client, release);
    });
    return undefined;
  }
}

type ConnectCallback = (
  error: Error | undefined,
  client: pg.PoolClient | undefined,
  release: (error?: Error | boolean) => void,
) => void;

/**
 * A connection that dies while nobody queries it must not end the process: the pool drops it, the next query opens
 * another. The same error object reaches a query that was under way, so that is where it gets its code.
 */
function surviveLostConnections(pool: pg.Pool): void {
  pool.on('error', () => undefined);
  pool.on('connect', (client) => {
    client.on('error', (error: Error) => withCode(error, CONNECTION_FAILURE));
  });
}

/**
 * Ends a connection on which nothing has moved for too long, and with it the query that waits there. The driver's own
 * `query_timeout` would hand it back to the pool, where the next query would wait in its turn.
 */
function endSilence(client: pg.PoolClient, silenceMs: number): void {
  const stream = streamOf(client);
  stream?.setTimeout(silenceMs, () => {
    const silent = new Error('the database has been silent for too long');
    stream.destroy(withCode(silent, CONNECTION_FAILURE));
  });
}

function streamOf(client: pg.PoolClient): Socket | undefined {
  if (!(client instanceof pg.Client)) return undefined;
  const { stream } = client.connection;
  return stream instanceof Socket ? stream : undefined;
}

function withCode<E>(error: E, code: string): E {
  if (error instanceof Error && !('code' in error)) Object.assign(error, { code });
  return error;
}
