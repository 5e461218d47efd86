/** PostgreSQL, NATS and Redis as machines. */
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { startEmbeddedPostgres } from '@sotto/standalone/embedded-postgres';
import { freePort } from '@sotto/standalone/free-port';
import pg from 'pg';
import { waitFor } from '../daemon.ts';
import { type Machine, startServer } from './machine.ts';
import { familyOf, isAlive, signal, titleOf } from './processes.ts';

const READY_MS = 60_000;
const END_MS = 5_000;

export interface Postgres extends Machine {
  port: number;
  version: string;
  /** Ends one backend by SIGKILL, after which the server ends all others and recovers. */
  killBackend(): void;
}

/** PostgreSQL with every commit on disk before it is answered. Killed, it comes back by itself. */
export async function startPostgres(directory: string, password: string): Promise<Postgres> {
  const server = await startEmbeddedPostgres({
    directory,
    password,
    logFile: join(directory, 'postgres.log'),
    settings: { max_connections: 200 },
  });
  const url = `postgres://postgres:${password}@127.0.0.1:${server.port}/postgres`;
  const pidFile = join(directory, 'data', 'postmaster.pid');
  const family = (): number[] => familyOf(Number(readFileSync(pidFile, 'utf8').split('\n')[0]));
  const kill = async (): Promise<void> => {
    const pids = family();
    signal(pids, 'SIGKILL');
    await waitFor(async () => !pids.some(isAlive), END_MS);
  };
  return {
    name: 'postgres',
    port: server.port,
    version: String(await ask(url, 'show server_version')),
    kill,
    end: kill,
    start: () => waitFor(async () => (await ask(url, 'select 1')) === 1, READY_MS),
    wipe: () => undefined,
    pause: () => signal(family(), 'SIGSTOP'),
    resume: () => signal(family(), 'SIGCONT'),
    killBackend() {
      const [backend] = family().filter((pid) => /127\.0\.0\.1/.test(titleOf(pid)));
      if (backend !== undefined) signal([backend], 'SIGKILL');
    },
    async close() {
      signal(family(), 'SIGCONT');
      await server.close();
    },
  };
}

async function ask(connectionString: string, text: string): Promise<unknown> {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: 2_000 });
  client.on('error', () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<Record<string, unknown>>(text);
    return Object.values(rows[0] ?? {})[0];
  } finally {
    await client.end().catch(() => undefined);
  }
}

/** One NATS, or several that form a cluster. */
export async function startNats(
  directory: string,
  count: number,
): Promise<{ machines: Machine[]; ports: number[] }> {
  const ports = await Promise.all(Array.from({ length: count }, freePort));
  const routes = await Promise.all(Array.from({ length: count }, freePort));
  const machines = await oneByOne(
    ports.map((port, index) => () => {
      const name = count === 1 ? 'nats' : `nats-${index + 1}`;
      const store = join(directory, name);
      const alone = ['-js', '-sd', store, '-a', '127.0.0.1', '-p', String(port)];
      const clustered = [
        ...['--name', name, '--cluster_name', 'chaos'],
        ...['--cluster', `nats://127.0.0.1:${routes[index]}`],
        ...['--routes', routes.map((route) => `nats://127.0.0.1:${route}`).join(',')],
        // Services come through wires that can be cut, and by no other way.
        '--no_advertise=true',
      ];
      return startServer({
        name,
        program: 'nats-server',
        argv: count === 1 ? alone : [...alone, ...clustered],
        directory,
        store,
        isReady: () => greets(port, '', 'INFO'),
      });
    }),
  );
  return { machines, ports };
}

/**
 * Starts servers of a cluster that has never run. Of those that begin at the same moment one can stay unheard by the others for
 * good (server 2.10, one start in ten; none of forty with this pause).
 */
export async function oneByOne<T>(starts: readonly (() => Promise<T>)[]): Promise<T[]> {
  const started: T[] = [];
  for (const start of starts) {
    if (started.length > 0) await sleep(APART_MS);
    started.push(await start());
  }
  return started;
}

const APART_MS = 1_500;

/** A Redis that keeps nothing. */
export async function startRedis(directory: string): Promise<{ machine: Machine; port: number }> {
  const port = await freePort();
  const network = ['--bind', '127.0.0.1', '--port', String(port)];
  const machine = await startServer({
    name: 'redis',
    program: 'redis-server',
    argv: [...network, '--dir', directory, '--save', '', '--appendonly', 'no'],
    directory,
    isReady: () => greets(port, 'PING\r\n', '+PONG'),
  });
  return { machine, port };
}

/** Whether the first words of whoever listens at a port are those expected. */
function greets(port: number, words: string, answer: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, timeout: 1_000 });
    const end = (isGood: boolean): void => {
      socket.destroy();
      resolve(isGood);
    };
    socket.once('connect', () => socket.write(words));
    socket.once('data', (data) => end(data.toString('latin1').startsWith(answer)));
    socket.once('timeout', () => end(false));
    socket.once('error', () => end(false));
  });
}
