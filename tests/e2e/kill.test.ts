/** The platform is killed between any two steps of the demo: nothing that it acknowledged is lost. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { freePort, type Standalone, startStandalone } from '../cluster.ts';
import { type Demo, startDemo } from '../demo-process.ts';

/** The last step; behind it there is nothing to lose. */
const LAST = 'Everything arrived';
const TEST_MS = 240_000;

let people: string;
let platform: Standalone;
let restart: () => Promise<void>;

beforeEach(async () => {
  people = mkdtempSync(join(tmpdir(), 'sotto-people-'));
  // The same port after each start, as on a real machine: clients find the platform again by themselves.
  const environment = { SERVER_PORT: String(await freePort()) };
  platform = await startStandalone({ environment });
  const { dataDirectory, close } = platform;
  restart = async () => {
    await platform.kill();
    platform = { ...(await startStandalone({ dataDirectory, environment })), close };
  };
});

afterEach(async () => {
  await platform?.stop();
  await platform?.close();
  rmSync(people, { recursive: true, force: true });
});

test(
  'killed after every step, while the people wait: every plaintext arrives once and in order',
  async () => {
    const restarts: Promise<void>[] = [];
    const demo = startDemo({
      url: platform.url,
      directory: people,
      onStep: ({ title }) => {
        if (title !== LAST) restarts.push(chain(restarts.at(-1), restart));
      },
    });
    await expect(demo.done).resolves.toContain(LAST);
    await Promise.all(restarts);
    expect(restarts.length).toBeGreaterThan(6);
  },
  TEST_MS,
);

test(
  'killed together with the people after every step: all go on where they were',
  async () => {
    let kills = 0;
    while (await playUntil(kills + 1)) {
      kills++;
      await restart();
    }
    expect(kills).toBeGreaterThan(6);
  },
  TEST_MS,
);

/** Plays on until a step is done, then kills the people in the middle of the next; false when there was no next. */
async function playUntil(step: number): Promise<boolean> {
  let killed = false;
  const demo: Demo = startDemo({
    url: platform.url,
    directory: people,
    onStep: ({ number, title }) => {
      killed ||= number >= step && title !== LAST;
      if (killed) demo.kill();
    },
  });
  try {
    expect(await demo.done).toContain(LAST);
    return false;
  } catch (error) {
    // A demo that stopped by itself says why.
    if (!killed) throw error;
    return true;
  }
}

/** One after the other: a platform that comes up is not killed before it is up. */
async function chain(before: Promise<void> | undefined, next: () => Promise<void>): Promise<void> {
  await before;
  await next();
}
