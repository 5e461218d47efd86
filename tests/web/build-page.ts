/** The web client's page as `npm start` serves it: built once for all test files that run side by side. */
import { execFile } from 'node:child_process';
import { existsSync, globSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

type Release = () => void;
interface LockOptions {
  isNeedless: () => boolean;
  onWait: () => void;
}

const root = fileURLToPath(new URL('../..', import.meta.url));
const built = join(root, 'apps/web/dist/index.html');
const SOURCES = [
  'apps/web/{index.html,vite.config.ts,package.json}',
  'apps/web/{src,public}/**/*',
  'packages/{api,client,crypto,hooks}/src/**/*',
];

/** The launcher runs before there is anything to compile, so its parts have no types. */
const module = new URL('../../scripts/install-lock.mjs', import.meta.url).href;
const { takeLock }: { takeLock(path: string, options: LockOptions): Promise<Release | undefined> } =
  await import(module);

/** Builds the page unless what lies there is newer than everything that it is made of. */
export async function buildPage(): Promise<void> {
  if (isFresh()) return;
  const lock = join(root, 'node_modules/.sotto-web-build.lock');
  const release = await takeLock(lock, { isNeedless: isFresh, onWait: () => undefined });
  if (release === undefined) return;
  try {
    if (!isFresh()) await build();
  } finally {
    release();
  }
}

function isFresh(): boolean {
  if (!existsSync(built)) return false;
  const builtAt = statSync(built).mtimeMs;
  return globSync(SOURCES, { cwd: root }).every(
    (path) => statSync(join(root, path)).mtimeMs <= builtAt,
  );
}

async function build(): Promise<void> {
  const program = join(root, 'apps/web/node_modules/vite/bin/vite.js');
  const options = { cwd: join(root, 'apps/web') };
  await promisify(execFile)(process.execPath, [program, 'build', '--logLevel', 'error'], options);
}
