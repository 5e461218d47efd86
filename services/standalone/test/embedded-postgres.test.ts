import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
} from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../src/embedded-postgres.ts';
import { DATABASE_NAME, prepareRoles, roleOf } from '../src/roles.ts';

const PASSWORD = 'a-password-of-the-superuser';
const PASSWORDS = { auth: 'pw-auth', key: 'pw-key', message: 'pw-message', file: 'pw-file' };

let root: string;
const running = new Set<EmbeddedPostgres>();

beforeEach(() => {
  root = mkdtempSync('/tmp/sotto pg-');
  chmodSync(root, 0o711);
});
afterEach(async () => {
  for (const server of running) await server.close();
  running.clear();
  rmSync(root, { recursive: true, force: true });
});

async function start(directory = join(root, 'postgres')): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({
    directory,
    password: PASSWORD,
    logFile: join(root, 'postgres.log'),
  });
  running.add(server);
  return server;
}

/** Starts a server in a process that is killed as soon as it is up, or when it has come as far as is waited for. */
async function startAndKill(moment?: () => boolean): Promise<void> {
  const module = new URL('../src/embedded-postgres.ts', import.meta.url).href;
  const script = `
    import { startEmbeddedPostgres } from ${JSON.stringify(module)};
    await startEmbeddedPostgres(JSON.parse(process.argv[1]));
    process.kill(process.pid, 'SIGKILL');
  `;
  const options = {
    directory: join(root, 'postgres'),
    password: PASSWORD,
    logFile: join(root, 'postgres.log'),
  };
  const child = spawn(
    process.execPath,
    ['--input-type=module-typescript', '-e', script, JSON.stringify(options)],
    { stdio: ['ignore', 'inherit', 'inherit'] },
  );
  if (moment !== undefined) {
    await expect.poll(moment, { timeout: 20_000, interval: 5 }).toBe(true);
    child.kill('SIGKILL');
  }
  expect(await once(child, 'exit')).toEqual([null, 'SIGKILL']);
}

interface Who {
  port: number;
  user?: string;
  password?: string;
  database?: string;
}

async function query(who: Who, sql: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({
    host: '127.0.0.1',
    user: 'postgres',
    password: PASSWORD,
    database: 'postgres',
    ...who,
  });
  client.on('error', () => undefined);
  try {
    await client.connect();
    return (await client.query(sql)).rows;
  } finally {
    await client.end();
  }
}

function filesBelow(directory: string): string[] {
  return existsSync(directory) ? readdirSync(directory, { recursive: true, encoding: 'utf8' }) : [];
}

function postmaster(): number {
  return Number(
    readFileSync(join(root, 'postgres', 'data', 'postmaster.pid'), 'utf8').split('\n')[0],
  );
}

describe('the embedded PostgreSQL', () => {
  test('keeps what was written from one start to the next', async () => {
    const first = await start();
    await query(first, 'create table kept as select 42 as answer');
    await first.close();
    const second = await start();
    expect(await query(second, 'select answer from kept')).toEqual([{ answer: 42 }]);
  });

  test('stops a server that a killed process left behind, and starts anew', async () => {
    await startAndKill();
    const pid = postmaster();
    expect(() => process.kill(pid, 0)).not.toThrow();
    const next = await start();
    expect(postmaster()).not.toBe(pid);
    expect(await query(next, 'select 1 as one')).toEqual([{ one: 1 }]);
  });

  test('comes back on the same port when its server dies', async () => {
    const server = await start();
    const pid = postmaster();
    process.kill(pid, 'SIGKILL');
    await expect
      .poll(() => query(server, 'select 1 as one').catch(() => undefined), { timeout: 20_000 })
      .toEqual([{ one: 1 }]);
    expect(postmaster()).not.toBe(pid);
  });

  test('wants a password, and listens on loopback alone', async () => {
    const server = await start();
    await expect(query({ ...server, password: 'wrong' }, 'select 1')).rejects.toThrow(/password/);
    expect(await query(server, 'show listen_addresses')).toEqual([
      { listen_addresses: '127.0.0.1' },
    ]);
    expect(await query(server, 'show unix_socket_directories')).toEqual([
      { unix_socket_directories: '' },
    ]);
  });

  test('waits for the disk before it says that something is written', async () => {
    const server = await start();
    expect(await query(server, 'show fsync')).toEqual([{ fsync: 'on' }]);
    expect(await query(server, 'show synchronous_commit')).toEqual([{ synchronous_commit: 'on' }]);
  });

  test('writes no statement and no value into its log', async () => {
    const server = await start();
    await query(server, 'create table people (name text primary key)');
    await query(server, "insert into people values ('canary-value')");
    await expect(query(server, "insert into people values ('canary-value')")).rejects.toThrow();
    await expect(query(server, "select 'canary-statement' from nowhere")).rejects.toThrow();
    await server.close();
    const log = readFileSync(join(root, 'postgres.log'), 'utf8');
    expect(log).not.toContain('canary');
    expect(log).toContain('duplicate key');
  });

  test('begins again when its first start was interrupted', async () => {
    mkdirSync(join(root, 'postgres', 'data.new', 'base'), { recursive: true });
    const server = await start();
    expect(await query(server, 'select 1 as one')).toEqual([{ one: 1 }]);
    expect(readdirSync(join(root, 'postgres'))).toEqual(['data']);
  });

  test('starts at once when its first start was killed while the cluster was being made', async () => {
    await startAndKill(() => filesBelow(join(root, 'postgres')).some((file) => /base/.test(file)));
    const server = await start();
    expect(await query(server, 'select 1 as one')).toEqual([{ one: 1 }]);
    expect(readdirSync(join(root, 'postgres'))).toEqual(['data']);
  });

  test.runIf(process.getuid?.() === 0)(
    'runs as root below a folder that only root may enter',
    async () => {
      const closed = join(root, 'closed');
      mkdirSync(closed, { mode: 0o700 });
      const server = await start(join(closed, 'postgres'));
      expect(await query(server, 'select 1 as one')).toEqual([{ one: 1 }]);
    },
  );
});

describe('the roles of the services', () => {
  test('each reaches its own schema and no other', async () => {
    const { port } = await start();
    await prepareRoles({ port, password: PASSWORD }, PASSWORDS);
    const as = (service: keyof typeof PASSWORDS) => ({
      port,
      user: roleOf(service),
      password: PASSWORDS[service],
      database: DATABASE_NAME,
    });
    await query(as('auth'), 'create table auth.accounts (id int)');
    await expect(query(as('key'), 'select * from auth.accounts')).rejects.toThrow(
      /permission denied/,
    );
    await expect(query(as('key'), 'create schema more')).rejects.toThrow(/permission denied/);
    await expect(query(as('key'), 'create table public.x (id int)')).rejects.toThrow(
      /permission denied/,
    );
    await expect(
      query({ ...as('key'), database: 'postgres' }, 'create table x (id int)'),
    ).rejects.toThrow(/permission denied/);
  });

  test('are prepared again at each start without harm', async () => {
    const { port } = await start();
    await prepareRoles({ port, password: PASSWORD }, PASSWORDS);
    await prepareRoles({ port, password: PASSWORD }, { ...PASSWORDS, auth: 'pw-new' });
    const rows = await query(
      { port, user: roleOf('auth'), password: 'pw-new', database: DATABASE_NAME },
      'select current_user as role',
    );
    expect(rows).toEqual([{ role: 'sotto_auth' }]);
  });
});
