/** The platform is killed between any two steps of the demo: nothing that it acknowledged is lost. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '@sotto/standalone/free-port';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Standalone, startStandalone } from '../cluster.ts';
import { type Demo, startDemo } from '../demo-process.ts';

const STEPS = 8;
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
      onStep: (step) => {
        if (step < STEPS) restarts.push(chain(restarts.at(-1), restart));
      },
    });
    await expect(demo.done).resolves.toContain('Everything arrived');
    await Promise.all(restarts);
    expect(restarts).toHaveLength(STEPS - 1);
  },
  TEST_MS,
);

test(
  'killed together with the people after every step: all go on where they were',
  async () => {
    for (let step = 1; step < STEPS; step++) {
      await playUntil(step);
      await restart();
    }
    const { done } = startDemo({ url: platform.url, directory: people });
    await expect(done).resolves.toContain('Everything arrived');
  },
  TEST_MS,
);

/** Plays the demo until a step is done, then kills it in the middle of what comes next. */
async function playUntil(step: number): Promise<void> {
  let demo: Demo | undefined;
  let reached = false;
  demo = startDemo({
    url: platform.url,
    directory: people,
    onStep: (number) => {
      reached ||= number >= step;
      if (reached) demo?.kill();
    },
  });
  // A demo that stopped by itself says why.
  await demo.done.catch((error: unknown) => {
    if (!reached) throw error;
  });
}

/** One after the other: a platform that comes up is not killed before it is up. */
async function chain(before: Promise<void> | undefined, next: () => Promise<void>): Promise<void> {
  await before;
  await next();
}
