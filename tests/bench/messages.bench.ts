/**
 * `npm run bench -- messages`: messages through five processes, beside other servers in the same run when there is a
 * harness for them.
 *
 * PEERS_DIR names that harness: it takes drivers by `--drivers`. Without it our own loops drive the platform alone, and
 * tell what each process of it computes. BENCH_PEERS, BENCH_SCENARIOS and BENCH_RUNS say what is run; BENCH_PROFILES names a directory for
 * CPU profiles.
 */
import { spawn } from 'node:child_process';
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Job, Outcome } from './messages/load.ts';
import { type MeasuredPlatform, startMeasuredPlatform } from './messages/platform.ts';
import { processorSeconds, residentKiB, type Tree, treesOf } from './messages/processes.ts';
import type { StalledOutcome } from './messages/stalled.ts';

export interface Result {
  case: string;
  implementation: string;
  [figure: string]: string | number;
}

const { PEERS_DIR, BENCH_RUNS = '3' } = process.env;
const PEERS = process.env.BENCH_PEERS ?? 'ejabberd-pg-ws,ejabberd-mem,sotto';
const { BENCH_SCENARIOS: SCENARIOS = 'closed,open,fanout,offline,idle' } = process.env;

/** Every loop on a fresh platform, or every scenario of the harness with all servers. */
export function run(): Promise<Result[]> {
  return PEERS_DIR === undefined ? runAlone() : runBeside(PEERS_DIR);
}

/** A tunnel is two open files, and a process may often have no more than 20 000. */
const IDLE_SOCKETS = 9_900;

const JOBS: readonly Job[] = [
  { loop: 'closed', seconds: 4, amount: 100 },
  { loop: 'open', seconds: 4, amount: 1000 },
  { loop: 'fanout', seconds: 4, amount: 1 },
  { loop: 'fanout', seconds: 4, amount: 8 },
  { loop: 'offline', seconds: 0, amount: 10_000 },
  { loop: 'idle', seconds: 3, amount: IDLE_SOCKETS },
];

async function runAlone(): Promise<Result[]> {
  const results: Result[] = [];
  const wanted = new Set(SCENARIOS.split(','));
  if (wanted.has('stalled')) results.push(await measure(onStalled));
  for (const job of JOBS) {
    if (!wanted.has(job.loop)) continue;
    for (let at = 0; at < Number(BENCH_RUNS); at++)
      results.push(await measure((platform) => load(platform, job)));
  }
  return results;
}

async function measure(work: (platform: MeasuredPlatform) => Promise<Result>): Promise<Result> {
  const directory = mkdtempSync('/tmp/sotto-bench-');
  const platform = await startMeasuredPlatform({ directory, users: IDLE_SOCKETS });
  try {
    return await work(platform);
  } finally {
    await platform.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

async function load(platform: MeasuredPlatform, job: Job): Promise<Result> {
  const names = new Map(Object.entries(platform.pids).map(([name, pid]) => [pid, name]));
  const trees = () => treesOf(platform.roots, names);
  let before: Usage[] = [];
  let after: Usage[] = [];
  const outcome = await runChild<Outcome>('messages/load.ts', [JSON.stringify(job)], {
    onBegin: () => {
      before = trees().map(usageOf);
    },
    onEnd: () => {
      after = trees().map(usageOf);
    },
  });
  const { count, seconds, ...latencies } = outcome;
  const used = after.map((usage, at) => {
    const then = before[at] ?? usage;
    return { ...usage, seconds: usage.seconds - then.seconds, kiB: usage.kiB - then.kiB };
  });
  const isIdle = job.loop === 'idle';
  const each = used.map(({ name, seconds, kiB }) => {
    return [name, isIdle ? round(kiB / count) : round((seconds / count) * 1e6)] as const;
  });
  return {
    case: `${job.loop} ${job.amount}`,
    implementation: 'sotto',
    per_s: Math.round(count / seconds),
    ...Object.fromEntries(Object.entries(latencies).map(([name, value]) => [name, round(value)])),
    each: isIdle ? 'KiB' : 'CPU µs',
    all: round(each.reduce((sum, [, value]) => sum + value, 0)),
    ...Object.fromEntries(each),
  };
}

/** The growth of whoever holds what stalled sockets do not take, in MiB for each of them. */
async function onStalled(platform: MeasuredPlatform): Promise<Result> {
  const { message, gateway } = platform.pids;
  const trees = treesOf([message, gateway], new Map());
  const memory = () => trees.map(residentKiB);
  let before: number[] = [];
  let peaks: number[] = [];
  const sampler = setInterval(() => {
    peaks = memory().map((now, at) => Math.max(now, peaks[at] ?? 0));
  }, 250);
  const outcome = await runChild<StalledOutcome>('messages/stalled.ts', [], {
    onBegin: () => {
      before = memory();
    },
    onEnd: () => clearInterval(sampler),
  });
  const grown = peaks.map((peak, at) => {
    return round((peak - (before[at] ?? 0)) / 1024 / outcome.stalled);
  });
  return {
    case: 'stalled',
    implementation: 'sotto',
    ...outcome,
    p99_ms_before: round(outcome.p99_ms_before),
    p99_ms_while: round(outcome.p99_ms_while),
    message_MiB_each: grown[0] ?? 0,
    gateway_MiB_each: grown[1] ?? 0,
  };
}

interface Usage {
  name: string;
  seconds: number;
  kiB: number;
}

function usageOf(tree: Tree): Usage {
  return { name: tree.name, seconds: processorSeconds(tree), kiB: residentKiB(tree) };
}

/** Runs a script in a child of this process. Its sockets are open until `onEnd` has returned. */
function runChild<T>(
  script: string,
  argv: readonly string[],
  on: { onBegin(): void; onEnd(): void },
): Promise<T> {
  const path = fileURLToPath(new URL(script, import.meta.url));
  const child = spawn(process.execPath, [path, ...argv], { stdio: ['pipe', 'pipe', 'inherit'] });
  let outcome: T | undefined;
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (line === 'begin') {
      on.onBegin();
      return;
    }
    outcome = JSON.parse(line);
    on.onEnd();
    child.stdin.end();
  });
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => {
      if (outcome === undefined) reject(new Error(`${script} ended with ${code}`));
      else resolve(outcome);
    });
  });
}

interface Run {
  peer: string;
  scenario: string;
  error?: string;
  [figure: string]: string | number | undefined;
}

/** Medians of all runs, in the harness's own words. */
async function runBeside(harness: string): Promise<Result[]> {
  if (SCENARIOS.split(',').includes('stalled'))
    throw new Error('other servers know no scenario "stalled": run it without PEERS_DIR');
  const out = mkdtempSync('/tmp/sotto-bench-out-');
  // Servers run as users of their own.
  chmodSync(out, 0o755);
  const drivers = fileURLToPath(new URL('messages/drivers', import.meta.url));
  const argv = [
    ...['--drivers', drivers, '--peers', PEERS, '--scenarios', SCENARIOS, '--runs', BENCH_RUNS],
    ...[
      '--rates',
      '300,1000',
      '--idle',
      String(IDLE_SOCKETS),
      '--out',
      out,
      '--data',
      join(out, 'data'),
    ],
  ];
  const child = spawn(process.execPath, [join(harness, 'run.mjs'), ...argv], { stdio: 'inherit' });
  const code = await new Promise((resolve) => child.once('exit', resolve));
  if (code !== 0) throw new Error(`the harness ended with ${code}`);
  const { runs }: { runs: Run[] } = JSON.parse(readFileSync(join(out, 'results.json'), 'utf8'));
  rmSync(out, { recursive: true, force: true });
  const missing = PEERS.split(',').filter(
    (name) => !runs.some(({ peer }) => peer.startsWith(name)),
  );
  if (missing.length > 0) throw new Error(`did not start: ${missing.join(', ')}`);
  const cases = new Set(runs.map(({ scenario }) => scenario));
  return [...cases].flatMap((scenario) => {
    const peers = new Set(runs.map(({ peer }) => peer));
    return [...peers].map((peer) => {
      return medians(runs.filter((one) => one.scenario === scenario && one.peer === peer));
    });
  });
}

function medians(runs: readonly Run[]): Result {
  const [first] = runs;
  const failed = runs.find(({ error }) => error !== undefined);
  if (first === undefined || failed !== undefined) throw new Error(failed?.error ?? 'nothing ran');
  const figures = Object.keys(first).filter(
    (key) => typeof first[key] === 'number' && key !== 'run',
  );
  const middle = figures.map((key) => {
    const sorted = runs.map((one) => Number(one[key])).toSorted((a, b) => a - b);
    return [key, round(sorted[Math.floor(sorted.length / 2)] ?? 0)] as const;
  });
  return { case: first.scenario, implementation: first.peer, ...Object.fromEntries(middle) };
}

function round(value: number): number {
  return value < 10 ? Math.round(value * 1000) / 1000 : Math.round(value * 10) / 10;
}
