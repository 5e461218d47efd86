/** The platform as users run it: one process, or five with real servers between them. */
import { randomBytes, randomUUID } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '@sotto/standalone/free-port';
import pg from 'pg';
import { waitFor } from './daemon.ts';
import { type PlatformProcess, startProcess } from './platform-process.ts';
import { startNats, startRedis } from './servers.ts';

export { freePort };

type Environment = Readonly<Record<string, string>>;

/** For tests that ask more of one platform in a minute than any honest user does. */
export const NO_LIMITS = {
  LIMITS_SOURCE_PER_MINUTE: '1000000',
  LIMITS_USER_PER_MINUTE: '1000000',
  LIMITS_REGISTER_PER_HOUR_PRIVATE: '1000000',
  LIMITS_LOGIN_FAILURES: '1000000',
  LIMITS_LOGIN_FAILURES_PER_SOURCE: '1000000',
  LIMITS_CHALLENGE_PER_MINUTE: '1000000',
  LIMITS_KEY_LOG_READS_PER_MINUTE: '1000000',
  LIMITS_SEND_PER_MINUTE: '1000000',
  LIMITS_SEND_PER_MINUTE_ALL: '1000000',
  LIMITS_GROUP_STRANGERS_PER_DAY: '1000000',
  LIMITS_FILES_PER_MINUTE: '1000000',
  LIMITS_UPLOAD_PIECES_PER_MINUTE: '1000000',
  LIMITS_SIGNED_PREKEYS_PER_HOUR: '1000000',
  LIMITS_DEVICE_LISTS_PER_HOUR: '1000000',
} as const;

/** What tests ask for beyond the defaults. */
export interface StandaloneOptions {
  /** Where its data lies; a directory of its own, removed at the end, when left out. */
  dataDirectory?: string;
  environment?: Environment;
}

/** The platform in one process. */
export interface Standalone extends PlatformProcess {
  dataDirectory: string;
  /** Stops it and removes what was made for it. */
  close(): Promise<void>;
}

/** The five services as five processes. */
export interface Cluster {
  /** The gateway. */
  url: string;
  /** What all of them were started with. */
  environment: Environment;
  processes: Readonly<Record<ServiceName, PlatformProcess>>;
  /** One more process of a service, stopped with the others: on a free port, or on that of one that was stopped. */
  startAnother(service: ServiceName, environment?: Environment): Promise<PlatformProcess>;
  close(): Promise<void>;
}

const SERVICES = ['auth', 'key', 'message', 'file', 'gateway'] as const;

const FILE_NODE_OPTIONS = readFileSync(
  new URL('../services/file/node-options', import.meta.url),
  'utf8',
).trim();
export type ServiceName = (typeof SERVICES)[number];

/** A fresh platform in one process, on a free port. */
export async function startStandalone(options: StandaloneOptions = {}): Promise<Standalone> {
  const dataDirectory = options.dataDirectory ?? temporaryDirectory();
  const removeData = (): void => {
    if (options.dataDirectory === undefined)
      rmSync(dataDirectory, { recursive: true, force: true });
  };
  try {
    const platform = await startProcess('services/standalone/src/main.ts', {
      SERVER_PORT: '0',
      DATA_DIR: dataDirectory,
      ...options.environment,
    });
    return {
      ...platform,
      dataDirectory,
      async close() {
        await platform.stop();
        removeData();
      },
    };
  } catch (error) {
    removeData();
    throw error;
  }
}

/** A directory that an unprivileged PostgreSQL can reach. */
function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'sotto-platform-'));
  chmodSync(directory, 0o711);
  return directory;
}

/** Real servers for one platform. */
export interface RealServers {
  /** The variables that name them. */
  environment: Environment;
  close(): Promise<void>;
}

/**
 * The PostgreSQL and the S3 server of `npm test`, with a database and a bucket for one platform, and a NATS and a Redis
 * of its own. Needs the TEST_ variables that `scripts/test.ts` sets.
 */
export async function openRealServers(): Promise<RealServers> {
  await using opened = new AsyncDisposableStack();
  const name = `sotto_${randomUUID().replaceAll('-', '')}`;
  const database = await createDatabase(name);
  opened.defer(() => database.drop());
  // Streams and counters have the same names on every platform, so two of them cannot share a server.
  const directory = temporaryDirectory();
  opened.defer(() => rmSync(directory, { recursive: true, force: true }));
  const nats = await startNats(directory, process.env);
  opened.defer(() => nats.close());
  const redis = await startRedis(directory, process.env);
  opened.defer(() => redis.close());
  const environment = {
    DATABASE_URL: database.url,
    NATS_URL: nats.environment.TEST_NATS_URL ?? '',
    REDIS_URL: redis.environment.TEST_REDIS_URL ?? '',
    S3_ENDPOINT: testVariable('TEST_S3_ENDPOINT'),
    S3_ACCESS_KEY: testVariable('TEST_S3_ACCESS_KEY'),
    S3_SECRET_KEY: testVariable('TEST_S3_SECRET_KEY'),
    S3_BUCKET: name.replace('_', '-'),
  };
  const open = opened.move();
  return { environment, close: () => open.disposeAsync() };
}

/** The five services as five processes, over real servers of their own. */
export async function startCluster(environment: Environment = {}): Promise<Cluster> {
  await using started = new AsyncDisposableStack();
  const servers = await openRealServers();
  started.defer(() => servers.close());
  const ports: Record<ServiceName, number> = {
    auth: await freePort(),
    key: await freePort(),
    message: await freePort(),
    file: await freePort(),
    gateway: await freePort(),
  };
  const shared = { ...servers.environment, ...sharedEnvironment(ports), ...environment };
  const start = async (
    owner: AsyncDisposableStack,
    service: ServiceName,
    own: Environment,
  ): Promise<PlatformProcess> => {
    const one = await startProcess(`services/${service}/src/main.ts`, { ...shared, ...own });
    owner.defer(async () => void (await one.stop()));
    return one;
  };
  // Each with the options that its image starts it with.
  const startFirst = (service: ServiceName): Promise<PlatformProcess> => {
    return start(started, service, {
      SERVER_PORT: String(ports[service]),
      ...(service === 'file' && { NODE_OPTIONS: FILE_NODE_OPTIONS }),
    });
  };
  // All at once, as containers start: what needs another waits for it or asks again.
  const [auth, key, message, file, gateway] = await Promise.all([
    startFirst('auth'),
    startFirst('key'),
    startFirst('message'),
    startFirst('file'),
    startFirst('gateway'),
  ]);
  await waitFor(async () => (await fetch(`${gateway.url}/health/ready`)).ok, 10_000);
  const running = started.move();
  return {
    url: gateway.url,
    environment: shared,
    processes: { auth, key, message, file, gateway },
    startAnother: (service, own = {}) => start(running, service, { SERVER_PORT: '0', ...own }),
    close: () => running.disposeAsync(),
  };
}

function sharedEnvironment(ports: Readonly<Record<ServiceName, number>>): Environment {
  const secret = (): string => randomBytes(32).toString('base64url');
  return {
    JWT_ACCESS_SECRET: secret(),
    JWT_REFRESH_SECRET: secret(),
    INTERNAL_SECRET: secret(),
    FIELD_KEYS: secret(),
    KEY_LOG_SECRET: secret(),
    AUTH_URL: `http://127.0.0.1:${ports.auth}`,
    KEY_URL: `http://127.0.0.1:${ports.key}`,
    MESSAGE_URL: `http://127.0.0.1:${ports.message}`,
    FILE_URL: `http://127.0.0.1:${ports.file}`,
  };
}

interface OwnDatabase {
  url: string;
  drop(): Promise<void>;
}

async function createDatabase(name: string): Promise<OwnDatabase> {
  const server = testVariable('TEST_DATABASE_URL');
  const url = new URL(server);
  url.pathname = `/${name}`;
  await withClient(server, (client) => client.query(`create database ${name}`));
  return {
    url: url.href,
    drop: () => withClient(server, (client) => client.query(`drop database ${name} with (force)`)),
  };
}

/** Runs statements on a connection of their own. */
export async function withClient(
  connectionString: string,
  work: (client: pg.Client) => Promise<unknown>,
): Promise<void> {
  const client = new pg.Client({ connectionString });
  await client.connect();
  try {
    await work(client);
  } finally {
    await client.end();
  }
}

function testVariable(name: string): string {
  const value = process.env[name];
  if (value === undefined)
    throw new Error(`${name} is not set: run by npm test, or see scripts/test-servers.ts`);
  return value;
}
