/**
 * `npm run bench -- keys`: bundles from one key service over a PostgreSQL that flushes each commit. Every fetch takes a
 * one-time prekey of two devices for good. Callers, service and database share the machine.
 *
 * BENCH_USERS and BENCH_SECONDS make it smaller, for a look at where the time goes.
 */
import { readFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { type BundleCaller, openBundleCaller } from '../bundle-caller.ts';
import { type KeyServices, openKeyServices } from '../key-service.ts';

export interface Result {
  case: string;
  implementation: string;
  fetches_per_s: number;
  p50_ms: number;
  p99_ms: number;
  /** Of the service alone, and of service and database: seconds of processor time for 1 000 fetches. */
  service_cpu_s_per_1000: number;
  platform_cpu_s_per_1000: number;
  note: string;
}

const USERS = Number(process.env.BENCH_USERS ?? 10_000);
const SECONDS = Number(process.env.BENCH_SECONDS ?? 20);
const DEVICES_PER_USER = 2;
const PREKEYS_PER_DEVICE = 100;
const CONNECTIONS = [1, 64, 256];
const ASKERS = 64;
/** Code gets fast, and the database's files grow, before anything counts. */
const WARM_UP_SECONDS = SECONDS / 5;

/** Each number of connections in turn, on the same users: none runs out of prekeys. */
export async function run(): Promise<Result[]> {
  const services = await openKeyServices();
  try {
    const { url, pid } = await services.start();
    const seeded = await services.seed({
      ...{ users: USERS, devicesPerUser: DEVICES_PER_USER },
      prekeysPerDevice: PREKEYS_PER_DEVICE,
    });
    const users = [...new Set(seeded.map(({ user }) => user))];
    const tokens = await authorizations(services);
    const results: Result[] = [];
    for (const connections of CONNECTIONS) {
      const load = { url, pid, users, tokens, connections };
      await measure(load, WARM_UP_SECONDS);
      results.push(await measure(load, SECONDS));
      await refill(services);
    }
    return results;
  } finally {
    await services.close();
  }
}

async function authorizations(services: KeyServices): Promise<string[]> {
  const devices = await services.seed({ users: ASKERS, devicesPerUser: 1, prekeysPerDevice: 0 });
  return devices.map(services.authorize);
}

/** What was taken comes back under its id, for measuring only. */
async function refill({ database }: KeyServices): Promise<void> {
  await database.query(
    `with taken as (delete from issued_prekeys returning *) insert into one_time_prekeys select * from taken`,
  );
  await database.query('vacuum analyze one_time_prekeys, issued_prekeys');
}

interface Load {
  url: string;
  pid: number;
  users: readonly string[];
  tokens: readonly string[];
  connections: number;
}

async function measure(load: Load, seconds: number): Promise<Result> {
  const callers = await Promise.all(
    Array.from({ length: load.connections }, () => openBundleCaller(load.url)),
  );
  const times: number[] = [];
  const order = { next: 0 };
  const until = performance.now() + seconds * 1000;
  const before = processorTimes(load.pid);
  await Promise.all(callers.map((caller) => call(load, caller, { times, order, until })));
  const after = processorTimes(load.pid);
  for (const caller of callers) caller.close();
  const sorted = Float64Array.from(times).toSorted();
  const thousands = times.length / 1000;
  const place = (share: number) => round(sorted[Math.floor(sorted.length * share)] ?? 0);
  return {
    case: `bundle of ${DEVICES_PER_USER} devices, ${load.connections} connections`,
    implementation: 'one process',
    fetches_per_s: Math.round(times.length / seconds),
    ...{ p50_ms: place(0.5), p99_ms: place(0.99) },
    service_cpu_s_per_1000: round((after.service - before.service) / thousands),
    platform_cpu_s_per_1000: round((after.platform - before.platform) / thousands),
    note: `${load.users.length} users`,
  };
}

interface Run {
  times: number[];
  order: { next: number };
  until: number;
}

async function call(load: Load, caller: BundleCaller, { times, order, until }: Run): Promise<void> {
  for (let now = performance.now(); now < until; ) {
    const turn = order.next++;
    const user = load.users[turn % load.users.length] ?? '';
    // So that no caller meets a user in step with another.
    const token = load.tokens[(turn * 31) % load.tokens.length] ?? '';
    const { status, body } = await caller.fetch(user, token);
    const taken = body.split('"oneTimePrekey"').length - 1;
    if (status !== 200 || taken !== DEVICES_PER_USER) {
      throw new Error(`${status} with ${taken} one-time prekeys: ${body.slice(0, 200)}`);
    }
    const then = performance.now();
    times.push(then - now);
    now = then;
  }
}

/** Seconds of processor time so far: of the service, and of everything on the machine but this process. */
function processorTimes(pid: number): { service: number; platform: number } {
  const busyMs = cpus().reduce(
    (sum, { times }) => sum + times.user + times.nice + times.sys + times.irq,
    0,
  );
  const { user, system } = process.cpuUsage();
  return { service: serviceTime(pid), platform: busyMs / 1000 - (user + system) / 1_000_000 };
}

/** Hundredths of a second in user and in system mode: fields 14 and 15 of Linux's account of a process. */
function serviceTime(pid: number): number {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? [];
    return (Number(fields[11]) + Number(fields[12])) / 100;
  } catch {
    return Number.NaN;
  }
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
