/**
 * What the gateway costs: a small authenticated GET at the service itself, through the gateway and through nginx, and
 * WebSocket messages the same three ways. CPU time is the proxy's own, from /proc. BENCH_SECONDS sets how long each
 * round takes; `npm run setup-tests` brings what is needed.
 */
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { me } from '@sotto/api';
import type { Result } from '../../scripts/bench-results.ts';
import { openRealServers } from '../cluster.ts';
import { type PlatformProcess, startProcess } from '../platform-process.ts';
import { startServers } from '../servers.ts';
import { echoLoad } from './gateway/echo-load.ts';
import { load, percentile } from './gateway/load.ts';
import { startNginx } from './gateway/nginx.ts';

const SECONDS = Number(process.env.BENCH_SECONDS ?? 5);
const ROUNDS = 3;
const CONNECTIONS = 32;

/** What limits are for is tested elsewhere. */
const MANY = '1000000';
const LIMITS = { LIMITS_USER_PER_MINUTE: MANY, LIMITS_SOURCE_PER_MINUTE: MANY };

const NO_S3 = {
  TEST_S3_ENDPOINT: 'http://127.0.0.1:1',
  TEST_S3_ACCESS_KEY: 'none',
  TEST_S3_SECRET_KEY: 'none',
};

/** One way to the service. */
interface Way {
  name: string;
  url: string;
  /** Of the proxy. */
  pid?: number | undefined;
}

/** Runs everything, on servers of its own. */
export async function run(): Promise<Result[]> {
  await using opened = new AsyncDisposableStack();
  // Neither files nor pages are measured.
  const environment = { ...NO_S3, CHROMIUM: 'none', ...process.env };
  const servers = await startServers(environment);
  opened.defer(() => servers.close());
  Object.assign(process.env, environment, servers.environment);
  return [...(await measureRequests()), ...(await measureTunnel())];
}

async function measureRequests(): Promise<Result[]> {
  await using opened = new AsyncDisposableStack();
  const { auth, gateway } = await startDoorAndService(opened);
  const ways = await waysTo(auth.url, gateway, opened);
  const headers = { authorization: `Bearer ${await accessToken(auth.url)}` };
  const rounds = await inTurns(ways, async ({ url, pid }) => {
    const before = cpuSeconds(pid);
    const measured = await load({
      url,
      path: me.path,
      headers,
      connections: CONNECTIONS,
      seconds: SECONDS,
    });
    const { requests, seconds, latencies } = measured;
    return {
      requests_per_s: requests / seconds,
      p50_ms: percentile(latencies, 0.5),
      p99_ms: percentile(latencies, 0.99),
      cpu_us_per_request: ((cpuSeconds(pid) - before) / requests) * 1e6,
    };
  });
  return compare(`GET ${me.path}, ${CONNECTIONS} connections`, rounds, 'requests_per_s');
}

async function startDoorAndService(
  opened: AsyncDisposableStack,
): Promise<{ auth: PlatformProcess; gateway: PlatformProcess }> {
  const real = await openRealServers();
  opened.defer(() => real.close());
  const secret = (): string => randomBytes(32).toString('base64url');
  const environment = {
    ...real.environment,
    ...LIMITS,
    SERVER_PORT: '0',
    JWT_ACCESS_SECRET: secret(),
    JWT_REFRESH_SECRET: secret(),
    FIELD_KEYS: secret(),
    INTERNAL_SECRET: secret(),
  };
  const auth = await startProcess('services/auth/src/main.ts', environment);
  opened.defer(async () => void (await auth.stop()));
  const gateway = await startProcess('services/gateway/src/main.ts', {
    ...environment,
    AUTH_URL: auth.url,
  });
  opened.defer(async () => void (await gateway.stop()));
  return { auth, gateway };
}

async function measureTunnel(): Promise<Result[]> {
  const results: Result[] = [];
  for (const shape of [
    { sockets: 50, inFlight: 4, bytes: 300 },
    { sockets: 4, inFlight: 4, bytes: 64 * 1024 },
  ]) {
    await using opened = new AsyncDisposableStack();
    const echo = await startProcess('tests/bench/gateway/echo-server.ts', {});
    opened.defer(async () => void (await echo.stop()));
    const gateway = await startProcess('services/gateway/src/main.ts', {
      ...LIMITS,
      SERVER_PORT: '0',
      MESSAGE_URL: echo.url,
      INTERNAL_SECRET: 'a secret that is long enough for a bench',
    });
    opened.defer(async () => void (await gateway.stop()));
    const ways = await waysTo(echo.url, gateway, opened);
    const rounds = await inTurns(ways, async ({ url, pid }) => {
      const before = cpuSeconds(pid);
      const { messages, seconds } = await echoLoad({ ...shape, url, seconds: SECONDS });
      return {
        messages_per_s: messages / seconds,
        MB_per_s_each_way: (messages * shape.bytes) / seconds / 1e6,
        cpu_us_per_message: ((cpuSeconds(pid) - before) / messages) * 1e6,
      };
    });
    const name = `WebSocket echo of ${shape.bytes} B, ${shape.sockets} sockets`;
    results.push(...compare(name, rounds, 'messages_per_s'));
  }
  return results;
}

async function waysTo(
  service: string,
  gateway: PlatformProcess,
  opened: AsyncDisposableStack,
): Promise<Way[]> {
  const nginx = await startNginx(service);
  if (nginx !== undefined) opened.defer(() => nginx.close());
  return [
    { name: 'direct', url: service },
    { name: 'gateway', url: gateway.url, pid: gateway.pid },
    ...(nginx === undefined ? [] : [{ name: 'nginx', url: nginx.url, pid: nginx.pid }]),
  ];
}

type Figures = Record<string, number>;

/** Every way once in each round, so that what else the machine does meets them all; the first round warms up. */
async function inTurns(
  ways: readonly Way[],
  measure: (way: Way) => Promise<Figures>,
): Promise<Map<string, Figures[]>> {
  const rounds = new Map<string, Figures[]>(ways.map(({ name }) => [name, []]));
  for (let round = 0; round <= ROUNDS; round++) {
    for (const way of ways) {
      const figures = await measure(way);
      if (round > 0) rounds.get(way.name)?.push(figures);
    }
  }
  return rounds;
}

function compare(name: string, rounds: Map<string, Figures[]>, rate: string): Result[] {
  const medians = [...rounds].map(([way, figures]) => ({ way, figures: medianOf(figures) }));
  const direct = medians[0]?.figures[rate] ?? 1;
  return medians.map(({ way, figures }) => {
    const rounded = Object.entries(figures).map(([key, value]) => [
      key,
      Math.round(value * 100) / 100,
    ]);
    const ratio = Math.round(((figures[rate] ?? 0) / direct) * 100) / 100;
    return {
      case: name,
      implementation: way,
      ...Object.fromEntries(rounded),
      ratio_to_direct: ratio,
    };
  });
}

function medianOf(all: readonly Figures[]): Figures {
  const keys = Object.keys(all[0] ?? {});
  return Object.fromEntries(
    keys.map((key) => {
      const values = all.map((figures) => figures[key] ?? 0).toSorted((a, b) => a - b);
      return [key, values[Math.floor(values.length / 2)] ?? 0];
    }),
  );
}

/** What a process has computed so far, user and system; nothing for none. Linux counts in hundredths of a second. */
function cpuSeconds(pid: number | undefined): number {
  if (pid === undefined) return 0;
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The second field is a name in parentheses, which may hold anything.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

async function accessToken(url: string): Promise<string> {
  const response = await fetch(`${url}/api/v1/auth/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username: 'Bench', password: 'Correct-horse-9' }),
  });
  const { accessToken }: { accessToken: string } = await response.json();
  return accessToken;
}
