/**
 * `npm run bench -- sdk`: what the SDK costs on one device, with its stores on this machine's disk, and how fast two
 * devices talk over the five services with PostgreSQL, NATS and Redis, all on this machine. The 398 devices that a group's
 * first message is for there take minutes to enter.
 *
 * BENCH_ROUNDS, 5 when left out, BENCH_MESSAGES, 10,000, and BENCH_SECONDS, 20, make it shorter. CHROMIUM names the
 * browser; without one its rows are left out. Limits on how much one may send are out of reach (`NO_LIMITS`).
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openMemoryStore, type Store } from '@sotto/client';
import { openSqliteStore } from '@sotto/client/sqlite';
import { nodeProvider } from '@sotto/crypto/node';
import type { Result } from '../../scripts/bench-results.ts';
import { NO_LIMITS, startCluster } from '../cluster.ts';
import { enterMembers } from '../e2e/many-members.ts';
import { startServers } from '../servers.ts';
import { type EndToEndOptions, measureEndToEnd } from './sdk/end-to-end.ts';
import { type FirstGroupMessage, sayFirst } from './sdk/first-group-message.ts';
import { sayFirstOnPlatform } from './sdk/first-on-platform.ts';
import { openBrowser } from './sdk/in-browser.ts';

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5);
const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const FIRST = 'first message to a group of 200 with two devices each';
const SIZE = { members: 200, devicesEach: 2 };

const MESSAGES = Number(process.env.BENCH_MESSAGES ?? 10_000);
const SECONDS = Number(process.env.BENCH_SECONDS ?? 20);
const PER_SECOND = 100;

/** No file is sent. */
const NO_S3 = {
  TEST_S3_ENDPOINT: 'http://127.0.0.1:1',
  TEST_S3_ACCESS_KEY: 'none',
  TEST_S3_SECRET_KEY: 'none',
};

/** The median of some groups each. Code is fast by the second one, as in an application that has run for a while. */
export async function run(): Promise<Result[]> {
  const directory = mkdtempSync(join(tmpdir(), 'sotto-bench-sdk-'));
  const inFile = (round: number) => openSqliteStore(join(directory, `${round}`));
  try {
    return [
      await measure('Node, memory', () => sayFirst(nodeProvider, openMemoryStore(), SIZE)),
      await measure('Node, SQLite', (round) => sayFirst(nodeProvider, inFile(round), SIZE)),
      ...(existsSync(CHROMIUM) ? await inChromium() : []),
      ...(await overThePlatform(directory)),
    ];
  } finally {
    rmSync(directory, { recursive: true });
  }
}

async function inChromium(): Promise<Result[]> {
  const browser = await openBrowser(CHROMIUM);
  try {
    return [
      await measure('Chromium, page, IndexedDB', () => browser.onPage(SIZE)),
      await measure('Chromium, worker, IndexedDB', () => browser.inWorker(SIZE)),
    ];
  } finally {
    await browser.close();
  }
}

async function overThePlatform(directory: string): Promise<Result[]> {
  await using opened = new AsyncDisposableStack();
  const environment = { ...process.env, ...NO_S3, CHROMIUM: 'none' };
  const servers = await startServers(environment);
  opened.defer(() => servers.close());
  Object.assign(process.env, NO_S3, servers.environment);
  const files = { S3_ENDPOINT: '', FILE_DIRECTORY: join(directory, 'blobs') };
  const { url, close } = await startCluster({ ...NO_LIMITS, ...files });
  opened.defer(close);
  const talk = async (implementation: string, openStore: EndToEndOptions['openStore']) => {
    const options = { url, openStore, messages: MESSAGES, seconds: SECONDS, perSecond: PER_SECOND };
    const { messagesPerSecond, cpuUsPerMessage, p50Ms, p99Ms } = await measureEndToEnd(options);
    return {
      case: 'two clients in one process over five services, limits lifted',
      implementation,
      messages_per_s: Math.round(messagesPerSecond),
      cpu_us_per_message: Math.round(cpuUsPerMessage),
      [`p50_ms_at_${PER_SECOND}_per_s`]: Number(p50Ms.toFixed(1)),
      [`p99_ms_at_${PER_SECOND}_per_s`]: Number(p99Ms.toFixed(1)),
    };
  };
  return [
    await talk('Node, memory', openMemoryStore),
    await talk('Node, SQLite', (name) => openSqliteStore(join(directory, name))),
    await firstOverThePlatform(url, (name) => openSqliteStore(join(directory, name))),
  ];
}

/** The members enter once, which takes longer than all else here; who writes is somebody new in each round. */
async function firstOverThePlatform(
  url: string,
  openStore: (name: string) => Store,
): Promise<Result> {
  const { members, devicesEach } = SIZE;
  const users = await enterMembers(url, { count: members - 1, devicesEach });
  const rounds = [];
  for (let round = 0; round < ROUNDS; round++) {
    rounds.push(await sayFirstOnPlatform(url, openStore(`writer ${round}`), users));
  }
  rounds.sort((a, b) => a.ms - b.ms);
  const median = rounds[Math.floor(ROUNDS / 2)]!;
  return {
    case: `${FIRST}, over five services, limits lifted`,
    implementation: 'Node, SQLite',
    ms: Math.round(median.ms),
    ms_with_bundles: Math.round(median.msInAll),
    bundle_requests: median.bundleRequests,
    targeted_frames: median.targetedFrames,
    group_frames: median.groupFrames,
  };
}

async function measure(
  implementation: string,
  say: (round: number) => Promise<FirstGroupMessage>,
): Promise<Result> {
  const rounds: FirstGroupMessage[] = [];
  for (let round = 0; round < ROUNDS; round++) rounds.push(await say(round));
  rounds.sort((a, b) => a.ms - b.ms);
  const median = rounds[Math.floor(ROUNDS / 2)]!;
  const ofPage = rounds.flatMap(({ pageHeldUpMs }) => pageHeldUpMs ?? []);
  return {
    case: FIRST,
    implementation,
    ms: Math.round(median.ms),
    held_up_ms: longest(rounds.map(({ heldUpMs }) => heldUpMs)),
    ...(ofPage.length > 0 && { page_held_up_ms: longest(ofPage) }),
    bundle_requests: median.bundleRequests,
    targeted_frames: median.targetedFrames,
    group_frames: median.groupFrames,
  };
}

function longest(times: readonly number[]): number {
  return Math.round(Math.max(...times));
}
