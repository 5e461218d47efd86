/** The web client's page: built when what it is made of has changed, which a digest beside it tells. */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  globSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

type Release = () => void;
interface LockOptions {
  isNeedless: () => boolean;
  onWait: () => void;
}

/** The launcher runs before there is anything to compile, so its parts have no types. */
const launcher = new URL('../install-lock.mjs', import.meta.url).href;
const { takeLock }: { takeLock(path: string, options: LockOptions): Promise<Release | undefined> } =
  await import(launcher);

const root = fileURLToPath(new URL('../..', import.meta.url));
const home = join(root, 'apps/web');

/** Where the page lies. */
export const PAGE_FOLDER = join(home, 'dist');

/** The bundler as a script for this Node. */
export const BUNDLER = join(home, 'node_modules/vite/bin/vite.js');

/** Beside the page; the gateway serves no file of this kind. */
const DIGEST = join(PAGE_FOLDER, 'sources.digest');

/** Never seen half-done: it is built here, and moved to its place when it is whole. */
const DRAFT = join(home, 'node_modules/.page-draft');
const LOCK = join(home, 'node_modules/.page-lock');

const SOURCES = [
  'apps/web/{index.html,vite.config.ts,package.json}',
  'apps/web/{src,public}/**/*',
  'packages/{api,client,crypto,hooks}/{package.json,src/**/*}',
  'pnpm-lock.yaml',
];

/** Builds the page unless it is that of these sources already. True when it was built. Rejects with why it cannot be. */
export async function buildPage(): Promise<boolean> {
  if (isFresh()) return false;
  const release = await takeLock(LOCK, { isNeedless: isFresh, onWait: () => undefined });
  if (release === undefined) return false;
  try {
    if (isFresh()) return false;
    // Read before, so that what changes meanwhile is seen the next time.
    const digest = digestOfSources();
    await bundle();
    writeFileSync(join(DRAFT, 'sources.digest'), digest);
    rmSync(PAGE_FOLDER, { recursive: true, force: true });
    renameSync(DRAFT, PAGE_FOLDER);
    return true;
  } finally {
    release();
  }
}

/** For people, whoever asks for it: tests run with another NODE_ENV, by which React would be that of developers. */
async function bundle(): Promise<void> {
  const words = ['build', '--logLevel', 'error', '--outDir', DRAFT, '--emptyOutDir'];
  const options = {
    cwd: home,
    env: { ...process.env, NODE_ENV: 'production', NO_COLOR: '1', FORCE_COLOR: '0' },
  };
  try {
    await promisify(execFile)(process.execPath, [BUNDLER, ...words], options);
  } catch (error) {
    const said = error instanceof Error && 'stderr' in error ? String(error.stderr).trim() : '';
    throw new Error(said || 'the bundler cannot be started', { cause: error });
  }
}

function isFresh(): boolean {
  return existsSync(DIGEST) && readFileSync(DIGEST, 'utf8') === digestOfSources();
}

function digestOfSources(): string {
  const hash = createHash('sha256');
  const names = globSync(SOURCES, {
    cwd: root,
    exclude: ['**/*.test.{ts,tsx}', '**/*.fixture.ts'],
  });
  for (const name of names.toSorted()) {
    const path = join(root, name);
    if (statSync(path).isFile()) hash.update(`${name}\0`).update(readFileSync(path));
  }
  return hash.digest('base64url');
}
