/**
 * `npm run bench -- sdk`: what the SDK costs on one device, with its stores on this machine's disk.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openMemoryStore, type Store } from '@sotto/client';
import { openSqliteStore } from '@sotto/client/sqlite';
import type { Provider } from '@sotto/crypto';
import { nodeProvider } from '@sotto/crypto/node';
import { sayFirst } from './sdk/first-group-message.ts';

export interface Result {
  case: string;
  implementation: string;
  ms: number;
  held_up_ms: number;
  bundle_requests: number;
  targeted_frames: number;
  group_frames: number;
}

const ROUNDS = 5;
const SIZE = { members: 200, devicesEach: 2 };

/** The median of five groups each. Code is fast by the second one, as it is in an application that has run for a while. */
export async function run(): Promise<Result[]> {
  const directory = mkdtempSync(join(tmpdir(), 'sotto-bench-sdk-'));
  try {
    return [
      await measure('memory', nodeProvider, openMemoryStore),
      await measure('SQLite', nodeProvider, (round) =>
        openSqliteStore(join(directory, `${round}`)),
      ),
    ];
  } finally {
    rmSync(directory, { recursive: true });
  }
}

async function measure(
  implementation: string,
  provider: Provider,
  open: (round: number) => Store,
): Promise<Result> {
  const rounds = [];
  for (let round = 0; round < ROUNDS; round++) {
    rounds.push(await sayFirst(provider, open(round), SIZE));
  }
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
