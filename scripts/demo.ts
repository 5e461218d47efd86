/**
 * Two people talk through a platform: `npm run demo [-- --url URL] [--data DIR] [--canary TEXT]`.
 *
 * Without `--url` it uses the platform that runs on the data directory, or starts one and stops it at the end. Accounts,
 * key files and how far it came are kept in `demo` in the data directory, so a start after a crash of either side goes
 * on where the last one stopped. Exits with 0 only if every plaintext arrived.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { dataDirectoryOf } from '../services/standalone/src/config.ts';
import { makeDirectory } from '../services/standalone/src/directories.ts';
import { readArguments, USAGE } from './demo/arguments.ts';
import { createPage, type Page } from './demo/page.ts';
import { findPeople, PersonUnknown, writeWhole } from './demo/people.ts';
import { type DemoPlatform, findPlatform, givenPlatform } from './demo/platform.ts';
import { STORY, type Stage } from './demo/story.ts';

/** How far the demo came: `done` steps of run `run`. */
interface Progress {
  run: number;
  done: number;
  canary: string;
}

const root = fileURLToPath(new URL('..', import.meta.url));

if (import.meta.main) {
  process.exitCode = await main().catch((error: unknown) => {
    process.stderr.write(`sotto: ${error instanceof Error ? error.message : error}\n`);
    return 1;
  });
}

async function main(): Promise<number> {
  const { help, url, data, canary } = readArguments(process.argv.slice(2));
  if (help) {
    process.stdout.write(USAGE);
    return 0;
  }
  const page = createPage(process.stdout, process.env);
  const dataDirectory = findDataDirectory();
  const platform = url ? await givenPlatform(url) : await findPlatform(root, dataDirectory);
  try {
    const directory = data ?? makePeopleDirectory(dataDirectory, url);
    await play(page, platform, { directory, canary });
    return 0;
  } catch (error) {
    page.note(`The demo stopped: ${error instanceof Error ? error.message : error}.`);
    if (!(error instanceof PersonUnknown))
      page.note('Start it again: it goes on where it stopped, and nothing acknowledged is lost.');
    return 1;
  } finally {
    await platform.stop();
  }
}

/** The one that `npm start` uses in the same environment. */
function findDataDirectory(): string {
  const source = { environment: process.env, file: join(root, 'config.yaml') };
  return resolve(root, dataDirectoryOf(source, join(root, '.data')));
}

/** Accounts belong to one platform, so each platform has a directory of its own. */
function makePeopleDirectory(dataDirectory: string, url: string | undefined): string {
  const name = url === undefined ? 'standalone' : new URL(url).host.replace(':', '-');
  const directory = join(dataDirectory, 'demo', name);
  // Others may pass the data directory, as an unprivileged PostgreSQL must.
  makeDirectory(dataDirectory, 0o711);
  makeDirectory(directory, 0o700);
  return directory;
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
