/** One round of the sweeper, of a process whose clock may be ahead. */
import { type Blobs, createLogger, createMetrics } from '@sotto/runtime';
import { createEvents } from '../src/events.ts';
import { DAY_MS } from '../src/limits.ts';
import type { HasMembers } from '../src/memberships.ts';
import { MARKER_KEY } from '../src/store-marker.ts';
import { sweep } from '../src/sweeper.ts';
import { until } from './client.fixture.ts';
import type { Platform } from './platform.fixture.ts';

export interface RoundOptions {
  aheadMs?: number;
  retentionMs?: number;
  /** Another store than the platform's. */
  blobs?: Blobs;
  /** Other answers than those of the platform's message service. */
  hasMembers?: HasMembers;
}

/** Resolves when a round has marked the store: until then none removes anything by what lies there. */
export function storeClaimed(platform: Platform): Promise<void> {
  return until(async () => {
    const marker = await platform.blobs.get(MARKER_KEY);
    await marker?.body.cancel();
    if (marker !== undefined) return true;
    await platform.database.query.deleteFrom('rounds').execute();
    await sweepOnce(platform);
    return false;
  });
}

/** Resolves when the round is over. What it could not do is in the answer. */
export async function sweepOnce(
  platform: Platform,
  { aheadMs = 0, retentionMs = 30 * DAY_MS, blobs = platform.blobs, ...options }: RoundOptions = {},
): Promise<{ failures: unknown[]; refused: string[] }> {
  const failures: unknown[] = [];
  const refused: string[] = [];
  const log = createLogger({ service: 'file', level: 'silent' });
  const events = {
    ...createEvents(createMetrics('file'), log),
    leftover: (error: unknown) => void failures.push(error),
    foreign: (difference: string) => void refused.push(difference),
  };
  await sweep({
    ...{ query: platform.database.query, blobs, events, retentionMs },
    clock: () => Date.now() + aheadMs,
    hasMembers: async (conversation) => {
      return [...platform.members].some((member) => member.startsWith(conversation));
    },
    ...options,
    signal: new AbortController().signal,
  });
  return { failures, refused };
}
