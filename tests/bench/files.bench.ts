/**
 * What a file costs: 100 MiB from one phone to another, encrypted, through gateway and file service into an S3 server and
 * back, beside `curl` straight to that server and beside `sha256sum` of the same bytes, in turns; the memory of gateway and
 * file service meanwhile, also with twenty at once; and what others wait for while a hundred slow uploads hang.
 * BENCH_ROUNDS sets how often; `npm run setup-tests` brings what is needed.
 */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Result } from '../../scripts/bench-results.ts';
import { type BucketPlace, bucketOf } from '../files/bucket.ts';
import { type Correspondence, openCorrespondence } from '../files/correspondence.ts';
import { watchPeak } from '../files/peak.ts';
import { openSlowBodies } from '../files/slow-bodies.ts';
import { knock, PASSWORD } from '../security/doors.ts';
import { startServers } from '../servers.ts';
import { assertBelowLimits } from './files/limits.ts';
import { type Cost, getByCurl, putByCurl, sumBySha256sum } from './files/other-ways.ts';
import { load, percentile } from './gateway/load.ts';
import { childrenOf, processorSeconds, treesOf } from './messages/processes.ts';

const MIB = 1024 * 1024;
const SIZE = 100 * MIB;
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3);
const AT_ONCE = 20;

/** Seconds of questions: those who hold memory too slowly are given up after five. */
const ASKING = 4;

/** Runs everything, on servers of its own. Rejects with all figures when one is not below its limit. */
export async function run(): Promise<Result[]> {
  await using opened = new AsyncDisposableStack();
  const directory = mkdtempSync(join(tmpdir(), 'sotto-bench-files-'));
  opened.defer(() => rmSync(directory, { recursive: true, force: true }));
  // Their processes are children of this one, as those of the platform are.
  const environment = { CHROMIUM: 'none', ...process.env };
  const servers = await startServers(environment);
  opened.defer(() => servers.close());
  Object.assign(process.env, environment, servers.environment);
  const people = await openCorrespondence({ FILE_UPLOAD_STALL: '120s' });
  opened.defer(() => people.close());
  const results = [
    ...(await compare(people, directory)),
    ...(await measureMany(people)),
    ...(await measureOthers(people)),
  ];
  assertBelowLimits(results);
  return results;
}

/** One way of one round, in seconds. */
interface Figures extends Cost {
  s3: number;
  gateway: number;
  file: number;
}

type Rounds = Record<string, Figures[]>;

interface Scene {
  people: Correspondence;
  place: BucketPlace;
  directory: string;
}

/** Each way in each round, so that what else the machine does meets them all; the first round warms up. */
async function compare(people: Correspondence, directory: string): Promise<Result[]> {
  const place = bucketOf(people.cluster.environment);
  const up: Rounds = { Sotto: [], curl: [], sha256sum: [] };
  const down: Rounds = { Sotto: [], curl: [], sha256sum: [] };
  for (let round = 0; round <= ROUNDS; round++) {
    const measured = await measureRound({ people, place, directory });
    if (round === 0) continue;
    for (const { name, sent, fetched } of measured) {
      up[name]?.push(sent);
      down[name]?.push(fetched);
    }
  }
  return [...resultsOf('100 MiB up', up), ...resultsOf('100 MiB down', down)];
}

async function measureRound({ people, place, directory }: Scene) {
  const key = randomUUID();
  const copy = join(directory, 'copy');
  const [file] = await people.make({ count: 1, size: SIZE });
  if (file === undefined) throw new Error('no file was made');
  const meter = <Work extends Cost>(work: () => Promise<Work>) => accountFor(people.cluster, work);
  const curl = {
    name: 'curl',
    sent: await meter(() => putByCurl(place, key, file)),
    fetched: await meter(() => getByCurl(place, key, copy)),
  };
  const sum = await meter(() => sumBySha256sum(file));
  const sotto = {
    name: 'Sotto',
    sent: await meter(() => people.send([file])),
    fetched: await meter(() => people.fetch([file])),
  };
  return [sotto, curl, { name: 'sha256sum', sent: sum, fetched: sum }];
}

/** What each process of the way has computed meanwhile. */
async function accountFor(
  { processes }: Correspondence['cluster'],
  work: () => Promise<Cost>,
): Promise<Figures> {
  const trees = treesOf(childrenOf(process.pid), new Map());
  const s3 = trees.filter(({ name }) => /^(radosgw|ceph-)/.test(name));
  const spent = () => ({
    s3: s3.reduce((sum, tree) => sum + processorSeconds(tree), 0),
    gateway: processorSeconds({ name: 'gateway', pids: [processes.gateway.pid] }),
    file: processorSeconds({ name: 'file', pids: [processes.file.pid] }),
  });
  const before = spent();
  const { seconds, cpuSeconds } = await work();
  const after = spent();
  return {
    ...{ seconds, cpuSeconds, s3: after.s3 - before.s3 },
    ...{ gateway: after.gateway - before.gateway, file: after.file - before.file },
  };
}

function resultsOf(name: string, rounds: Rounds): Result[] {
  const direct = medianOf(rounds.curl ?? []);
  return Object.entries(rounds).map(([implementation, all]) => {
    const figures = medianOf(all);
    const { seconds, cpuSeconds, gateway, file, s3 } = figures;
    const perGiB = (spent: number) => round((spent * 1024 * MIB) / SIZE);
    return {
      case: name,
      implementation: IMPLEMENTATIONS[implementation] ?? implementation,
      MB_per_s: round(SIZE / 1e6 / seconds),
      time_ratio_to_curl: round(seconds / direct.seconds),
      cpu_s_per_GiB: perGiB(cpuSeconds + gateway + file + s3),
      ...{ client: perGiB(cpuSeconds), gateway: perGiB(gateway), file_service: perGiB(file) },
      s3_server: perGiB(s3),
    };
  });
}

const IMPLEMENTATIONS: Record<string, string> = {
  Sotto: 'Sotto: SDK, gateway, file service, S3',
  curl: 'curl straight to the S3 server',
};

function medianOf(all: readonly Figures[]): Figures {
  const middle = (of: (figures: Figures) => number): number => {
    return all.map(of).toSorted((a, b) => a - b)[Math.floor(all.length / 2)] ?? Number.NaN;
  };
  return {
    ...{ seconds: middle(({ seconds }) => seconds), s3: middle(({ s3 }) => s3) },
    ...{ cpuSeconds: middle(({ cpuSeconds }) => cpuSeconds) },
    ...{ gateway: middle(({ gateway }) => gateway), file: middle(({ file }) => file) },
  };
}

/** How far gateway and file service grow: with one file after the ones before, and with many at once. */
async function measureMany(people: Correspondence): Promise<Result[]> {
  const results: Result[] = [];
  for (const count of [1, AT_ONCE]) {
    const files = await people.make({ count, size: SIZE });
    for (const [way, measured] of [
      ['up', await people.send(files)],
      ['down', await people.fetch(files)],
    ] as const) {
      results.push({
        case: `${count} of 100 MiB at once, ${way}`,
        implementation: 'Sotto',
        MB_per_s: round((count * SIZE) / 1e6 / measured.seconds),
        gateway_growth_MiB: round(measured.gatewayMiB),
        file_service_growth_MiB: round(measured.fileMiB),
        again: measured.retries,
      });
    }
  }
  return results;
}

/** What a small question about a file costs others while slow uploads hang, beside what it costs without them. */
async function measureOthers({ cluster }: Correspondence): Promise<Result[]> {
  const { file, gateway } = cluster.processes;
  const [mallory, carol] = [
    await register(cluster.url, 'mallory'),
    await register(cluster.url, 'carol'),
  ];
  const path = `/api/v1/files/${await storeSmall(cluster.url, carol)}/info`;
  const headers = { authorization: `Bearer ${carol}` };
  const ask = () => load({ url: cluster.url, path, headers, connections: 8, seconds: ASKING });
  const rowOf = (name: string, measured: Awaited<ReturnType<typeof ask>>): Result => ({
    case: name,
    implementation: 'Sotto',
    requests_per_s: round(measured.requests / measured.seconds),
    p50_ms: round(percentile(measured.latencies, 0.5)),
    p99_ms: round(percentile(measured.latencies, 0.99)),
  });
  await ask();
  const quiet = rowOf('questions by others', await ask());
  const growth = { gateway: watchPeak(gateway.pid), file: watchPeak(file.pid) };
  const slow = await openSlowBodies(cluster.url, {
    token: mallory,
    count: 100,
    broughtBytes: MIB / 8,
  });
  try {
    const beside = rowOf('questions by others, 100 slow uploads hanging', await ask());
    const [refusal] = slow.refusals();
    if (refusal !== undefined) throw new Error(`slow uploads were answered meanwhile: ${refusal}`);
    return [
      quiet,
      {
        ...beside,
        gateway_growth_MiB: round(growth.gateway()),
        file_service_growth_MiB: round(growth.file()),
      },
    ];
  } finally {
    await slow.leave();
  }
}

async function register(url: string, username: string): Promise<string> {
  const body = { username, password: PASSWORD };
  const answer = await knock(`${url}/api/v1/auth/register`, { method: 'POST', body });
  return (answer.body as { accessToken: string }).accessToken;
}

async function storeSmall(url: string, token: string): Promise<string> {
  const response = await fetch(`${url}/api/v1/files/upload`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/octet-stream' },
    body: new Uint8Array(1024),
  });
  return ((await response.json()) as { id: string }).id;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}
