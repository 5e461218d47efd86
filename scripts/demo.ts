/**
 * Two people talk through a platform: `npm run demo [-- --url URL] [--data DIR] [--canary TEXT]`.
 *
 * Without `--url` it starts a standalone platform and stops it at the end. Accounts, key files and how far it came are
 * kept under `.data/demo`, so a start after a crash of either side goes on where the last one stopped. Exits with 0
 * only if every plaintext arrived.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { createPage, type Page } from './demo/page.ts';
import { findPeople, writeWhole } from './demo/people.ts';
import { type DemoPlatform, givenPlatform, startPlatform } from './demo/platform.ts';
import { STORY, type Stage } from './demo/story.ts';

/** How far the demo came: `done` steps of run `run`. */
interface Progress {
  run: number;
  done: number;
  canary: string;
}

const root = fileURLToPath(new URL('..', import.meta.url));

if (import.meta.main) process.exitCode = await main();

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { url: { type: 'string' }, data: { type: 'string' }, canary: { type: 'string' } },
  });
  const page = createPage(process.stdout, process.env);
  const platform = values.url ? givenPlatform(values.url) : await startPlatform(root);
  const directory = values.data ?? defaultDirectory(values.url);
  try {
    await play(page, platform, { directory, canary: values.canary ?? '' });
    return 0;
  } catch (error) {
    page.note(`The demo stopped: ${error instanceof Error ? error.message : error}.`);
    page.note('Start it again: it goes on where it stopped, and nothing acknowledged is lost.');
    return 1;
  } finally {
    await platform.stop();
  }
}

/** Accounts belong to one platform, so each platform has a directory of its own. */
function defaultDirectory(url: string | undefined): string {
  const name = url === undefined ? 'standalone' : new URL(url).host.replace(':', '-');
  return join(root, '.data', 'demo', name);
}

async function play(
  page: Page,
  platform: DemoPlatform,
  { directory, canary }: { directory: string; canary: string },
): Promise<void> {
  const { alice, bob } = findPeople(directory, platform.url);
  const path = join(directory, 'progress.json');
  const progress = readProgress(path, canary);
  const stage: Stage = { alice, bob, ...progress, ended: platform.ended };
  page.heading(`Two people talk through ${platform.url}`);
  if (progress.done > 0)
    page.note(`Going on with step ${progress.done + 1} of run ${progress.run}.`);
  try {
    for (const [index, step] of STORY.entries()) {
      if (index < progress.done) continue;
      page.step(index + 1, step.title, await step.play(stage));
      writeWhole(path, { ...progress, done: index + 1 });
    }
    page.note('The people have every word; the server has none.');
  } finally {
    await Promise.all([alice.leave(), bob.leave()]);
  }
}

/** A run that was not finished, with its own canary, or the next one. */
function readProgress(path: string, canary: string): Progress {
  if (!existsSync(path)) return { run: 1, done: 0, canary };
  const last: Progress = JSON.parse(readFileSync(path, 'utf8'));
  return last.done < STORY.length ? last : { run: last.run + 1, done: 0, canary };
}
