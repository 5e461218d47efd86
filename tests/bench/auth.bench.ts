/**
 * `npm run bench -- auth`: what time tells a stranger about accounts, and what many log-ins do to everybody else.
 *
 * A real auth service over HTTP on a PostgreSQL of its own, counters in process. A wrong password for an account that
 * there is and for one that there is not take turns, so that a machine whose speed drifts does so for both.
 * `AUTH_BENCH_TRIES` (500) and `AUTH_BENCH_LOGINS` (200) make a short run.
 */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { listen, openDatabase } from '@sotto/runtime';
import { startEmbeddedPostgres } from '@sotto/standalone/embedded-postgres';
import { createPasswords } from '../../services/auth/src/passwords.ts';
import type { AuthTables } from '../../services/auth/src/schema.ts';
import { AuthConfig, startAuth } from '../../services/auth/src/service.ts';

export interface Result {
  case: string;
  implementation: string;
  median_ms?: number;
  p99_ms?: number;
  difference_percent_of_hash?: number;
  answered?: number;
  busy?: number;
  rss_growth_mib?: number;
}

const TRIES = Number(process.env.AUTH_BENCH_TRIES ?? 500);
const LOGINS = Number(process.env.AUTH_BENCH_LOGINS ?? 200);
const WARM_UP = 20;
const PASSWORD = 'Correct-h0rse';
const WRONG = 'Wrong-passw0rd';

/** Both measurements, one after the other on one service. */
export async function run(): Promise<Result[]> {
  await using opened = new AsyncDisposableStack();
  const post = await openService(opened);
  return [...(await compareFailures(post)), ...(await crowd(post))];
}

type Post = (path: string, body?: object) => Promise<number>;

async function openService(opened: AsyncDisposableStack): Promise<Post> {
  const directory = mkdtempSync(join(tmpdir(), 'sotto-bench-'));
  opened.defer(() => rmSync(directory, { recursive: true, force: true }));
  const password = randomUUID();
  const server = await startEmbeddedPostgres({
    directory,
    password,
    logFile: join(directory, 'postgres.log'),
  });
  opened.defer(() => server.close());
  const database = openDatabase<AuthTables>({
    host: '127.0.0.1',
    port: server.port,
    user: 'postgres',
    password,
    database: 'postgres',
    schema: 'auth',
  });
  opened.defer(() => database.close());
  const log = { debug() {}, info() {}, warn() {}, error() {} };
  const service = await startAuth(config(), { database, log });
  opened.defer(() => service.close());
  const listening = await listen(service, { host: '127.0.0.1', port: 0 });
  opened.defer(() => listening.close());
  return async (path, body) => {
    const response = await fetch(`http://127.0.0.1:${listening.port}${path}`, {
      method: body === undefined ? 'GET' : 'POST',
      headers: { 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    await response.arrayBuffer();
    return response.status;
  };
}

/** As shipped, but for the limits that would end the measurement after five tries. */
function config(): AuthConfig {
  const secret = () => `${randomUUID()}${randomUUID()}`;
  return AuthConfig.parse({
    server: {},
    database: {},
    nats: {},
    redis: {},
    services: {},
    registration: {},
    log: {},
    internal: { secret: secret() },
    fields: { keys: [secret()] },
    jwt: { accessTokenSecret: [secret()], refreshTokenSecret: [secret()] },
    limits: {
      registerPerHourPrivate: 1_000_000,
      loginFailures: 1_000_000,
      loginFailuresPerSource: 1_000_000,
    },
  });
}

async function compareFailures(post: Post): Promise<Result[]> {
  const accounts = Math.ceil((TRIES + WARM_UP) / TRIES_PER_ACCOUNT);
  for (let index = 0; index < accounts; index++) {
    await expectStatus(post('/api/v1/auth/register', account(`there${index}`, PASSWORD)), 201);
  }
  const wrong: number[] = [];
  const unknown: number[] = [];
  for (let round = 0; round < TRIES + WARM_UP; round++) {
    const index = Math.floor(round / TRIES_PER_ACCOUNT);
    // Which comes first takes turns too.
    const names = [`there${index}`, `nobody${index}`];
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      const took = await timed(() => failLogin(post, name));
      if (round >= WARM_UP) (name.startsWith('there') ? wrong : unknown).push(took);
    }
  }
  const hashMs = await medianHash();
  const difference = Math.abs(quantile(wrong, 0.5) - quantile(unknown, 0.5));
  const percent = round1((difference / hashMs) * 100);
  return [
    row('failed log-in', 'wrong password', wrong),
    row('failed log-in', 'unknown user', unknown),
    { case: 'one hash', implementation: 'Argon2id as configured', median_ms: round2(hashMs) },
    {
      case: 'difference of the medians',
      implementation: 'aim: below 5 % of a hash',
      median_ms: round2(difference),
      difference_percent_of_hash: percent,
    },
  ];
}

/** An account that has failed twenty times is slowed down, whether there is one of the name or not. */
const TRIES_PER_ACCOUNT = 15;

const account = (username: string, password: string) => ({ username, password });

async function failLogin(post: Post, username: string): Promise<void> {
  await expectStatus(post('/api/v1/auth/login', account(username, WRONG)), 401);
}

async function medianHash(): Promise<number> {
  const passwords = await createPasswords();
  const times: number[] = [];
  for (let index = 0; index < 50; index++) times.push(await timed(() => passwords.hash(PASSWORD)));
  return quantile(times, 0.5);
}

/** Log-ins all at once, and all the while another route, one request after the other. */
async function crowd(post: Post): Promise<Result[]> {
  const before = process.memoryUsage.rss();
  const other: number[] = [];
  let isOver = false;
  const logins = Promise.all(
    Array.from({ length: LOGINS }, (_, index) =>
      post('/api/v1/auth/login', account(`crowd${index}`, WRONG)),
    ),
  ).finally(() => {
    isOver = true;
  });
  while (!isOver) {
    other.push(await timed(() => expectStatus(post('/.well-known/jwks.json'), 200)));
  }
  const statuses = await logins;
  return [
    {
      ...row(`another route during ${LOGINS} log-ins at once`, 'aim: p99 below 1000 ms', other),
      answered: statuses.filter((status) => status === 401).length,
      busy: statuses.filter((status) => status === 503).length,
      rss_growth_mib: round1((process.memoryUsage.rss() - before) / 2 ** 20),
    },
  ];
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

async function expectStatus(answer: Promise<number>, status: number): Promise<void> {
  const given = await answer;
  if (given !== status) throw new Error(`expected ${status}, got ${given}`);
}

function row(name: string, implementation: string, times: readonly number[]): Result {
  return {
    case: name,
    implementation,
    median_ms: round2(quantile(times, 0.5)),
    p99_ms: round2(quantile(times, 0.99)),
  };
}

function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

const round1 = (value: number) => Math.round(value * 10) / 10;
const round2 = (value: number) => Math.round(value * 100) / 100;
