/** `npm start`: what a person who runs the platform sees, and what is left when it ends. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { startStandalone } from '../cluster.ts';
import { waitFor } from '../daemon.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const STOP_MS = 10_000;
const START_MS = 60_000;

let data: string;
const children = new Set<ChildProcess>();

beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'sotto data-'));
});
afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  children.clear();
  rmSync(data, { recursive: true, force: true });
});

interface Started {
  child: ChildProcess;
  output: () => string;
  /** Resolves to the address once it is printed. */
  ready: Promise<string>;
  /** Resolves to the exit code. */
  ended: Promise<number | null>;
}

function npmStart(environment: Record<string, string> = {}): Started {
  const child = spawn('npm', ['start', '--silent'], {
    cwd: root,
    env: {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      SERVER_PORT: '0',
      DATA_DIR: data,
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.add(child);
  let output = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const { promise: ready, resolve, reject } = Promise.withResolvers<string>();
  // Not every test waits for it.
  ready.catch(() => undefined);
  createInterface({ input: child.stdout }).on('line', (line) => {
    output += `${line}\n`;
    const url = /^ready (http:\/\/localhost:\d+)$/.exec(line)?.[1];
    if (url !== undefined) resolve(url);
  });
  const ended = once(child, 'close').then(([code]) => {
    reject(new Error(`it ended before it was ready:\n${output}`));
    return code as number | null;
  });
  return { child, output: () => output, ready, ended };
}

/** The process ids of everything below a process, and of the database server of its data. */
function family(child: ChildProcess): number[] {
  const found = [child.pid ?? 0];
  for (const pid of found) {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
    if (children !== '') found.push(...children.split(' ').map(Number));
  }
  return found;
}

async function expectNobodyLeft(pids: readonly number[]): Promise<void> {
  await waitFor(async () => pids.every((pid) => !isAlive(pid)), STOP_MS);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // A zombie has ended; whoever is process 1 here may be slow to notice.
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ');
  } catch {
    return false;
  }
}

describe.runIf(process.platform === 'linux')('npm start leaves no process behind', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)(
    'after %s to npm',
    async (signal) => {
      const { child, ready, ended } = npmStart();
      await ready;
      const everyone = family(child);
      expect(everyone.length).toBeGreaterThan(3);
      child.kill(signal);
      await ended;
      await expectNobodyLeft(everyone);
    },
    START_MS + STOP_MS,
  );

  test(
    'after npm itself was killed',
    async () => {
      const { child, ready } = npmStart();
      await ready;
      const everyone = family(child);
      child.kill('SIGKILL');
      await expectNobodyLeft(everyone);
    },
    START_MS + STOP_MS,
  );

  test(
    'after the launcher was killed',
    async () => {
      const { child, ready, ended } = npmStart();
      await ready;
      const everyone = family(child);
      const launcher = everyone.find((pid) =>
        readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes('launch.mjs'),
      );
      process.kill(launcher ?? 0, 'SIGKILL');
      await ended;
      await expectNobodyLeft(everyone);
    },
    START_MS + STOP_MS,
  );

  test(
    'when the port is in use: one clear line',
    async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      const address = server.address();
      const port = address !== null && typeof address === 'object' ? address.port : 0;
      const { output, ended } = npmStart({ SERVER_PORT: String(port) });
      expect(await ended).not.toBe(0);
      expect(output().trim()).toBe(
        `sotto: 127.0.0.1:${port} is in use: stop what listens there, or set SERVER_PORT`,
      );
      server.close();
    },
    START_MS,
  );

  test(
    'when the data directory is taken: one clear line',
    async () => {
      const first = npmStart();
      await first.ready;
      const second = npmStart();
      expect(await second.ended).not.toBe(0);
      expect(second.output().trim()).toMatch(
        /^sotto: another platform is running on .*: stop it, or set DATA_DIR$/,
      );
      first.child.kill('SIGTERM');
      await first.ended;
    },
    START_MS,
  );

  test(
    'when the data directory cannot be made: one clear line',
    async () => {
      const { output, ended } = npmStart({ DATA_DIR: '/dev/null/data' });
      expect(await ended).not.toBe(0);
      expect(output().trim()).toMatch(
        /^sotto: cannot make the directory \/dev\/null\/data \(.*DATA_DIR.*$/,
      );
    },
    START_MS,
  );
});

describe('the platform', () => {
  test('says all that is wrong with its configuration at once, without values', async () => {
    const { output, ended } = npmStart({
      SERVER_PORT: 'not-a-port',
      LOG_LEVEL: 'not-a-level',
      JWT_ACCESS_SECRET: 'too-short',
    });
    expect(await ended).toBe(78);
    for (const name of ['SERVER_PORT', 'LOG_LEVEL', 'JWT_ACCESS_SECRET'])
      expect(output()).toContain(name);
    for (const value of ['not-a-port', 'not-a-level', 'too-short'])
      expect(output()).not.toContain(value);
  });

  test('refuses a published secret in production', async () => {
    const secret = 'insecure-default-secret-that-everyone-can-read';
    const { output, ended } = npmStart({ NODE_ENV: 'production', JWT_ACCESS_SECRET: secret });
    expect(await ended).toBe(78);
    expect(output()).toContain('JWT_ACCESS_SECRET');
    expect(output()).not.toContain(secret);
  });

  test('keeps accounts from one start to the next', async () => {
    const first = await startStandalone({ dataDirectory: data });
    await register(first.url);
    expect(await first.stop()).toBe(0);
    const second = await startStandalone({ dataDirectory: data });
    const answer = await post(`${second.url}/api/v1/auth/login`, CREDENTIALS);
    expect(answer.status).toBe(200);
    await second.stop();
  });

  test('ends within ten seconds while sockets are open, and tells them', async () => {
    const platform = await startStandalone({ dataDirectory: data });
    const { accessToken } = await register(platform.url);
    const sockets = await Promise.all(
      Array.from({ length: 3 }, () => openSocket(platform.url, accessToken)),
    );
    const started = performance.now();
    expect(await platform.stop()).toBe(0);
    expect(performance.now() - started).toBeLessThan(STOP_MS);
    // Of one device's sockets the newest stays, so the others may have closed before.
    await Promise.all(sockets.map(({ closed }) => closed));
  });
});

const CREDENTIALS = { username: 'Starter', password: 'Correct-horse-9' };

async function register(url: string): Promise<{ accessToken: string }> {
  const answer = await post(`${url}/api/v1/auth/register`, CREDENTIALS);
  expect(answer.status).toBe(201);
  return answer.json();
}

function post(url: string, body: object): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}

async function openSocket(url: string, token: string): Promise<{ closed: Promise<unknown> }> {
  const socket = new WebSocket(`${url.replace('http', 'ws')}/api/v1/ws`, ['sotto.v1'], {
    headers: { authorization: `Bearer ${token}` },
  });
  const closed = once(socket, 'close');
  await once(socket, 'open');
  return { closed };
}
