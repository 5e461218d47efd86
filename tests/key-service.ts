/** Key services as processes over a PostgreSQL of their own, filled with as many devices as a measurement wants. */
import { generateKeyPairSync, type KeyObject, randomBytes, randomUUID, sign } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { startEmbeddedPostgres } from '@sotto/standalone/embedded-postgres';
import pg from 'pg';
import { type PlatformProcess, startProcess } from './platform-process.ts';

/** One device of one user. */
export interface SeededDevice {
  user: string;
  device: string;
}

export interface SeedOptions {
  users: number;
  devicesPerUser: number;
  prekeysPerDevice: number;
}

export interface KeyServices {
  /** Starts one more process. It is ready when this resolves, and ends with `close` at the latest. */
  start(): Promise<PlatformProcess>;
  /** Devices with everything; keys are random bytes, since fetching checks none. Start a process first: it makes the tables. */
  seed(options: SeedOptions): Promise<SeededDevice[]>;
  /** An `Authorization` header, good for 15 minutes. */
  authorize(who: SeededDevice): string;
  database: pg.Pool;
  close(): Promise<void>;
}

const KEY_ID = 'k1';

/** A database, and an auth service that knows no account but everybody's token. */
export async function openKeyServices(
  environment: Readonly<Record<string, string>> = {},
): Promise<KeyServices> {
  await using opened = new AsyncDisposableStack();
  const directory = mkdtempSync('/tmp/sotto-keys-');
  opened.defer(() => rmSync(directory, { recursive: true, force: true }));
  const database = await openDatabase(directory, opened);
  const keys = generateKeyPairSync('ed25519');
  const auth = await openAuth(keys.publicKey);
  opened.defer(() => auth.close());
  const shared = {
    ...{ DATABASE_URL: database.url, AUTH_URL: auth.url, LOG_LEVEL: 'error', SERVER_PORT: '0' },
    ...{ INTERNAL_SECRET: randomUUID(), KEY_LOG_SECRET: randomUUID() },
    // What is measured here is not how callers are held back.
    ...{ LIMITS_BUNDLE_BURST: '1000000', LIMITS_BUNDLE_PER_TARGET: '1000000' },
    LIMITS_USER_PER_MINUTE: '1000000',
    ...environment,
  };
  const running = opened.move();
  return {
    database: database.pool,
    async start() {
      const started = await startProcess('services/key/src/main.ts', shared);
      running.defer(async () => void (await started.stop()));
      return started;
    },
    seed: (options) => seed(database.pool, options),
    authorize: (who) => authorization(keys.privateKey, who),
    close: () => running.disposeAsync(),
  };
}

async function openDatabase(directory: string, opened: AsyncDisposableStack) {
  chmodSync(directory, 0o711);
  const cluster = join(directory, 'postgres');
  mkdirSync(cluster, { mode: 0o711 });
  const password = randomBytes(16).toString('hex');
  const server = await startEmbeddedPostgres({
    directory: cluster,
    password,
    logFile: join(directory, 'postgres.log'),
  });
  opened.defer(() => server.close());
  const url = `postgres://postgres:${password}@127.0.0.1:${server.port}/postgres`;
  const pool = new pg.Pool({ connectionString: url, options: '-c search_path=key', max: 4 });
  opened.defer(() => pool.end());
  return { url, pool };
}

/** The two operations of auth that a key service asks for. */
async function openAuth(publicKey: KeyObject) {
  const { x = '' } = publicKey.export({ format: 'jwk' });
  const key = { kty: 'OKP', crv: 'Ed25519', x, kid: KEY_ID, alg: 'EdDSA', use: 'sig' };
  const server = createServer((request, response) => {
    const isKeys = request.url?.startsWith('/.well-known/jwks.json');
    const answer = isKeys ? { keys: [key] } : { now: new Date().toISOString(), revocations: [] };
    response.setHeader('content-type', 'application/json').end(JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => {
      server.closeAllConnections();
      return new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

function authorization(privateKey: KeyObject, { user, device }: SeededDevice): string {
  const now = Math.floor(Date.now() / 1000);
  const header = { alg: 'EdDSA', typ: 'at+jwt', kid: KEY_ID };
  const claims = {
    ...{ iss: 'sotto', aud: 'sotto', sub: user, did: device, sid: randomUUID() },
    ...{ iat: now, exp: now + 900 },
  };
  const text = [header, claims]
    .map((part) => Buffer.from(JSON.stringify(part)).toString('base64url'))
    .join('.');
  return `Bearer ${text}.${sign(null, Buffer.from(text), privateKey).toString('base64url')}`;
}

async function seed(
  pool: pg.Pool,
  { users, devicesPerUser, prekeysPerDevice }: SeedOptions,
): Promise<SeededDevice[]> {
  const devices = Array.from({ length: users }, () => randomUUID()).flatMap((user) =>
    Array.from({ length: devicesPerUser }, () => ({ user, device: randomUUID() })),
  );
  const userIds = devices.map(({ user }) => user);
  const deviceIds = devices.map(({ device }) => device);
  const bytes = 'decode(repeat(md5(random()::text), 4), $b$hex$b$)';
  const key = `substr(${bytes}, 1, 32)`;
  await pool.query(
    `insert into identity_keys (user_id, public_key, list_version, published_at)
     select distinct on (id) id, ${key}, 1, now() from unnest($1::uuid[]) as id`,
    [userIds],
  );
  // As long as the list of so many devices is.
  await pool.query(
    `insert into device_lists (user_id, version, hash, encoded, published_at)
     select distinct on (id) id, 1, ${key}, ${bytes} || ${bytes} || ${bytes}, now()
     from unnest($1::uuid[]) as id`,
    [userIds],
  );
  await pool.query(
    `insert into devices (id, user_id, registration_id, one_time_mark, low_told_mark, listed_at)
     select device, user_id, 7, $3, 0, now() from unnest($1::uuid[], $2::uuid[]) as one (device, user_id)`,
    [deviceIds, userIds, prekeysPerDevice],
  );
  await pool.query(
    `insert into signed_prekeys (device_id, id, public_key, suites, signature, published_at)
     select id, 1, ${key}, '{1}', ${bytes}, now() from unnest($1::uuid[]) as id`,
    [deviceIds],
  );
  await pool.query(
    `insert into one_time_prekeys (device_id, id, public_key)
     select device, id, ${key} from unnest($1::uuid[]) as device, generate_series(1, $2::int) as id`,
    [deviceIds, prekeysPerDevice],
  );
  await pool.query('vacuum analyze');
  return devices;
}
