/** What only a start shows to be wrong: told in a line or two, without a stack or a secret, with its own exit code. */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort, openRealServers, withClient } from '../cluster.ts';
import { runScript } from './script.ts';

const PASSWORD = 'a-password-that-nobody-sees';
const START_MS = 90_000;
const CONFIG = 78;
const UNAVAILABLE = 69;

let servers: Awaited<ReturnType<typeof openRealServers>>;
let directory: string;
let taken: Server;
let role: string;
let valid: Record<string, string>;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'sotto-faults-'));
  writeFileSync(join(directory, 'file'), 'not what is expected');
  servers = await openRealServers();
  taken = createServer().listen(0, '127.0.0.1');
  role = `sotto_${randomUUID().replaceAll('-', '')}`;
  await withClient(url(), (client) =>
    client.query(`create role ${role} login password '${PASSWORD}'`),
  );
  const secret = (name: string) => `${name}-secret-of-this-test-${'x'.repeat(20)}`;
  valid = {
    ...servers.environment,
    SERVER_PORT: String(await freePort()),
    JWT_ACCESS_SECRET: secret('access'),
    JWT_REFRESH_SECRET: secret('refresh'),
    INTERNAL_SECRET: secret('internal'),
    FIELD_KEYS: secret('field'),
    KEY_LOG_SECRET: secret('log'),
  };
});
afterAll(async () => {
  taken?.close();
  await withClient(url(), (client) => client.query(`drop role if exists ${role}`));
  await servers?.close();
  rmSync(directory, { recursive: true, force: true });
});

const url = () => servers.environment.DATABASE_URL ?? '';
const portTaken = () => {
  const address = taken.address();
  return String(typeof address === 'object' ? address?.port : 0);
};
const withLogin = (user: string, password: string) => {
  const changed = new URL(url());
  Object.assign(changed, { username: user, password });
  return changed.href;
};
const file = () => join(directory, 'file');

type Fault = [string, string, () => Record<string, string>, number, string];

const FAULTS: Fault[] = [
  [
    'a wrong password',
    'auth',
    () => ({ DATABASE_URL: withLogin(role, 'wrong') }),
    CONFIG,
    'DB_USER',
  ],
  [
    'a role without rights',
    'key',
    () => ({ DATABASE_URL: withLogin(role, PASSWORD) }),
    CONFIG,
    'own its schema',
  ],
  [
    'a database that does not answer',
    'message',
    () => ({ DATABASE_URL: 'postgres://a:b@127.0.0.1:1/c' }),
    UNAVAILABLE,
    'the database does not answer',
  ],
  ['an authority that is not there', 'auth', () => ({ DB_CA: '/nowhere' }), CONFIG, 'DB_CA'],
  [
    'Redis’s authority that is not there',
    'gateway',
    () => ({ REDIS_CA: '/nowhere' }),
    CONFIG,
    'REDIS_CA',
  ],
  [
    'a certificate that is not there',
    'gateway',
    () => ({ TLS_CERT: '/nowhere', TLS_KEY: '/nowhere' }),
    CONFIG,
    'TLS_CERT',
  ],
  [
    'a certificate that is none',
    'gateway',
    () => ({ TLS_CERT: file(), TLS_KEY: file() }),
    CONFIG,
    'TLS_CERT and TLS_KEY',
  ],
  ['a port in use', 'gateway', () => ({ SERVER_PORT: portTaken() }), UNAVAILABLE, 'SERVER_PORT'],
  [
    'an address of another machine',
    'gateway',
    () => ({ SERVER_HOST: '192.0.2.1' }),
    CONFIG,
    'SERVER_HOST',
  ],
  [
    'a key that the store refuses',
    'file',
    () => ({ S3_SECRET_KEY: PASSWORD }),
    CONFIG,
    'S3_SECRET_KEY',
  ],
  [
    'a file where files should lie',
    'file',
    () => ({ S3_ENDPOINT: '', FILE_DIRECTORY: file() }),
    CONFIG,
    'FILE_DIRECTORY',
  ],
  [
    'a data directory that is a file',
    'standalone',
    () => ({ DATA_DIR: file() }),
    CONFIG,
    'DATA_DIR',
  ],
];

test.concurrent.each(FAULTS)(
  '%s',
  async (_, service, given, code, says) => {
    const ended = await start(service, given());
    expect(ended).toMatchObject({ code, stderr: expect.stringContaining(says) });
    expect(ended.stderr).not.toMatch(/\bat .*:\d+:\d+|a-password-that-nobody-sees/);
  },
  START_MS,
);

test(
  'a database of a newer release: what only adds is borne, what has taken something away is refused',
  async () => {
    const database = `${url()}`;
    await withClient(database, async (client) => {
      await client.query('create schema if not exists key');
      await client.query(
        'create table if not exists key.migrations (name text primary key, applied_at timestamptz not null default now())',
      );
      await client.query(`insert into key.migrations (name) values ('9999-old-column-contract')`);
    });
    const refused = await start('key', {});
    expect(refused).toMatchObject({
      code: CONFIG,
      stderr: expect.stringContaining('9999-old-column-contract'),
    });
    await withClient(database, (client) =>
      client.query(`update key.migrations set name = '9999-new-column' where name like '9999%'`),
    );
    // It goes on to what comes behind its tables: here an authority that is not there.
    const borne = await start('key', { REDIS_CA: '/nowhere' });
    expect(borne).toMatchObject({ code: CONFIG, stderr: expect.stringContaining('REDIS_CA') });
    expect(borne.stdout).toContain('newer release');
  },
  START_MS,
);

function start(service: string, given: Record<string, string>) {
  return runScript(`services/${service}/src/main.ts`, [], { ...valid, ...given });
}
