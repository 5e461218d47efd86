/**
 * `npm run bench -- sdk`: what the SDK costs on one device, with its stores on this machine's disk.
 *
 * BENCH_ROUNDS, 5 when left out, makes it shorter. CHROMIUM names the browser; without one its rows are left out.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openMemoryStore } from '@sotto/client';
import { openSqliteStore } from '@sotto/client/sqlite';
import { nodeProvider } from '@sotto/crypto/node';
import { type FirstGroupMessage, sayFirst } from './sdk/first-group-message.ts';
import { openBrowser } from './sdk/in-browser.ts';

export interface Result {
  case: string;
  implementation: string;
  ms: number;
  held_up_ms: number;
  bundle_requests: number;
  targeted_frames: number;
  group_frames: number;
}

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5);
const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const SIZE = { members: 200, devicesEach: 2 };

/** The median of some groups each. Code is fast by the second one, as in an application that has run for a while. */
export async function run(): Promise<Result[]> {
  const directory = mkdtempSync(join(tmpdir(), 'sotto-bench-sdk-'));
  const inFile = (round: number) => openSqliteStore(join(directory, `${round}`));
  try {
    return [
      await measure('Node, memory', () => sayFirst(nodeProvider, openMemoryStore(), SIZE)),
      await measure('Node, SQLite', (round) => sayFirst(nodeProvider, inFile(round), SIZE)),
      ...(existsSync(CHROMIUM) ? await inChromium() : []),
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

async function measure(
  implementation: string,
  say: (round: number) => Promise<FirstGroupMessage>,
): Promise<Result> {
  const rounds: FirstGroupMessage[] = [];
  for (let round = 0; round < ROUNDS; round++) rounds.push(await say(round));
  rounds.sort((a, b) => a.ms - b.ms);
  const median = rounds[Math.floor(ROUNDS / 2)]!;
  return {
    case: 'first message to a group of 200 with two devices each',
    implementation,
    ms: Math.round(median.ms),
    held_up_ms: Math.round(Math.max(...rounds.map(({ heldUpMs }) => heldUpMs))),
    bundle_requests: median.bundleRequests,
    targeted_frames: median.targetedFrames,
    group_frames: median.groupFrames,
  };
}
