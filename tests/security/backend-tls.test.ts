/** Connections to PostgreSQL, NATS, Redis and S3 by TLS, believed by a private authority alone. */
import {
  chmodSync,
  chownSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createServer } from 'node:tls';
import {
  databaseOptions,
  openDatabase,
  openNatsBus,
  openRedisCounters,
  openS3Blobs,
} from '@sotto/runtime';
import { freePort, type TestAuthority, testAuthority, testS3 } from '@sotto/runtime/testing';
import { startEmbeddedPostgres } from '@sotto/standalone/embedded-postgres';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startDaemon } from '../daemon.ts';

let authority: TestAuthority;
let stranger: TestAuthority;
let directory: string;
const closers: (() => Promise<void> | void)[] = [];

beforeAll(() => {
  directory = mkdtempSync('/tmp/sotto-tls-');
  chmodSync(directory, 0o711);
  authority = testAuthority();
  stranger = testAuthority();
});
afterAll(async () => {
  await Promise.all(closers.reverse().map((close) => close()));
  authority.close();
  stranger.close();
  rmSync(directory, { recursive: true, force: true });
});

/** How one backend is reached: resolves when it answered. */
interface Backend {
  reach(options: { host: string; ca?: string | undefined }): Promise<void>;
}

const backends: readonly [string, () => Promise<Backend>][] = [
  ['PostgreSQL', startPostgres],
  ['NATS', startNats],
  ['Redis', startRedis],
  ['S3', startS3],
];

describe.each(backends)('%s', (_, start) => {
  let backend: Backend;
  beforeAll(async () => {
    backend = await start();
  }, 60_000);

  test('is reached by the authority that vouches for it', async () => {
    await backend.reach({ host: 'localhost', ca: authority.ca });
  });

  test('is not believed when another authority is, or when none is named', async () => {
    await expect(backend.reach({ host: 'localhost', ca: stranger.ca })).rejects.toThrow();
    await expect(backend.reach({ host: 'localhost' })).rejects.toThrow();
  });

  test('is not believed at an address that its certificate does not name', async () => {
    await expect(backend.reach({ host: '127.0.0.1', ca: authority.ca })).rejects.toThrow();
  });
});

const plain: [string, string, (url: string) => Promise<void>][] = [
  ['NATS', 'TEST_NATS_URL', (url) => reachNats(url, authority.ca)],
  ['Redis', 'TEST_REDIS_URL', (url) => reachRedis(url, authority.ca)],
  ['PostgreSQL', 'TEST_DATABASE_URL', (url) => reachPostgres(url, authority.ca)],
];

test.each(plain)(
  '%s without TLS gets nothing from who names an authority',
  async (_, variable, reach) => {
    await expect(reach(process.env[variable] ?? '')).rejects.toThrow();
  },
);

/** A certificate for the name alone, in files that only their owner reads, as servers want it. */
function certificate(name: string): { cert: string; key: string } {
  const files = authority.issue(name, 'DNS:localhost');
  chmodSync(files.key, 0o600);
  return files;
}

async function startPostgres(): Promise<Backend> {
  const { cert, key } = certificate('postgres');
  const place = join(directory, 'postgres');
  mkdirSync(place, { mode: 0o711 });
  const options = { directory: place, password: 'secret', logFile: join(place, 'log') };
  await (await startEmbeddedPostgres(options)).close();
  // A start as root gives the cluster to another user, who must be the key's owner too.
  const { uid, gid } = statSync(join(place, 'data'));
  chownSync(key, uid, gid);
  const settings = { ssl: 'on', ssl_cert_file: cert, ssl_key_file: key };
  const server = await startEmbeddedPostgres({ ...options, settings });
  closers.push(() => server.close());
  return {
    reach: ({ host, ca }) => {
      const url = `postgres://postgres:secret@${host}:${server.port}/postgres?sslmode=require`;
      return reachPostgres(url, ca);
    },
  };
}

async function reachPostgres(url: string, ca: string | undefined): Promise<void> {
  const section = { host: 'unused', port: 0, user: '', password: '', database: '', url, ca };
  const database = openDatabase(databaseOptions(section, 'public'));
  try {
    await database.ping();
  } finally {
    await database.close();
  }
}

async function startNats(): Promise<Backend> {
  const port = await freePort();
  const { cert, key } = certificate('nats');
  const place = join(directory, 'nats');
  mkdirSync(place);
  const network = ['-js', '-sd', place, '-a', '127.0.0.1', '-p', String(port)];
  await startServer(port, ['nats-server', ...network, '--tls', '--tlscert', cert, '--tlskey', key]);
  return { reach: ({ host, ca }) => reachNats(`tls://${host}:${port}`, ca) };
}

async function reachNats(url: string, ca: string | undefined): Promise<void> {
  const { promise: failure, reject } = Promise.withResolvers<never>();
  const quiet = { debug() {}, info() {}, error() {} };
  // It waits for a server that may yet come to its senses; its first complaint is answer enough.
  const log = { ...quiet, warn: (message: string) => reject(new Error(message)) };
  const opening = openNatsBus({ url, ca, prefix: 'tls-', log });
  opening.catch(reject);
  const bus = await Promise.race([opening, failure]);
  await bus.ping();
  await bus.close();
}

async function startRedis(): Promise<Backend> {
  const port = await freePort();
  const { cert, key } = certificate('redis');
  const place = join(directory, 'redis');
  mkdirSync(place);
  await startServer(port, [
    'redis-server',
    ...['--bind', '127.0.0.1', '--port', '0', '--tls-port', String(port)],
    ...['--tls-cert-file', cert, '--tls-key-file', key, '--tls-ca-cert-file', authority.ca],
    ...['--tls-auth-clients', 'no', '--dir', place, '--save', ''],
  ]);
  return { reach: ({ host, ca }) => reachRedis(`rediss://${host}:${port}`, ca) };
}

async function reachRedis(url: string, ca: string | undefined): Promise<void> {
  const counters = await openRedisCounters({ url, ca });
  try {
    await counters.ping();
  } finally {
    await counters.close();
  }
}

/** The S3 server of all tests, behind a TLS server that passes bytes on. */
async function startS3(): Promise<Backend> {
  const { cert, key } = certificate('s3');
  const store = testS3();
  const { hostname, port: storePort } = new URL(store.endpoint);
  const server = createServer({ cert: readFileSync(cert), key: readFileSync(key) }, (near) => {
    const far = connect(Number(storePort), hostname);
    for (const socket of [near, far]) socket.on('error', () => socket.destroy());
    near.pipe(far).pipe(near);
  });
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  closers.push(() => void server.close());
  return {
    async reach({ host, ca }) {
      const blobs = await openS3Blobs({ ...store, endpoint: `https://${host}:${port}`, ca });
      try {
        await blobs.ping();
      } finally {
        await blobs.close();
      }
    },
  };
}

async function startServer(port: number, command: [string, ...string[]]): Promise<void> {
  const logFile = join(directory, `${command[0]}.log`);
  const daemon = await startDaemon(command, { logFile, isReady: () => accepts(port) });
  closers.push(() => daemon.stop());
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => resolve(true));
    socket.once('error', () => resolve(false));
    socket.once('connect', () => socket.destroy());
  });
}
