/**
 * The terminal client: `npm run terminal [-- OPTIONS]`, and `npm run terminal -- COMMAND …` for scripts.
 *
 * Node does not run JSX, so `apps/terminal` is bundled into `apps/terminal/dist` first, when anything that it is made of is
 * not what it was made of the last time; then it runs in this process.
 */
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const out = join(root, 'apps/terminal/dist');

/** What goes into the bundle: its own sources, those of the packages below it, and the versions of everything else. */
const SOURCES = [
  'apps/terminal/src',
  'packages/api/src',
  'packages/client/src',
  'packages/crypto/src',
  'packages/hooks/src',
];
const MANIFESTS = ['apps/terminal/package.json', 'pnpm-lock.yaml', 'scripts/terminal.ts'];

/** Makes the bundle unless it is there. Resolves to its entry. Several processes may do so at once. */
export async function bundleTerminal(): Promise<string> {
  const digest = digestOfSources();
  const folder = join(out, digest);
  if (!existsSync(folder)) await bundle(folder);
  return join(folder, 'main.js');
}

async function bundle(folder: string): Promise<void> {
  const { build } = await import('esbuild');
  const draft = `${folder}.${process.pid}`;
  mkdirSync(out, { recursive: true });
  const { version } = JSON.parse(readFileSync(join(root, 'apps/terminal/package.json'), 'utf8'));
  await build({
    absWorkingDir: root,
    entryPoints: ['apps/terminal/src/main.ts'],
    outdir: draft,
    bundle: true,
    splitting: true,
    platform: 'node',
    format: 'esm',
    target: 'node26',
    jsx: 'automatic',
    minifySyntax: true,
    logLevel: 'error',
    external: ['react-devtools-core'],
    define: { 'process.env.NODE_ENV': '"production"', SOTTO_VERSION: JSON.stringify(version) },
    // What is CommonJS in it asks for Node's own modules.
    banner: {
      js: "import { createRequire as makeRequire } from 'node:module'; const require = makeRequire(import.meta.url);",
    },
  });
  writeFileSync(join(draft, 'package.json'), '{ "type": "module" }\n');
  try {
    renameSync(draft, folder); // Whole or absent, whoever else is making it.
  } catch (error) {
    rmSync(draft, { recursive: true, force: true });
    if (!existsSync(folder)) throw error;
  }
  removeOlder(folder);
}

/** A chat that is open loads parts of its own bundle late, so bundles are kept for longer than anybody chats. */
const KEPT_MS = 7 * 24 * 3_600_000;

function removeOlder(folder: string): void {
  for (const name of readdirSync(out)) {
    const path = join(out, name);
    const { mtimeMs } = statSync(path, { throwIfNoEntry: false }) ?? { mtimeMs: Infinity };
    if (path !== folder && mtimeMs + KEPT_MS < Date.now())
      rmSync(path, { recursive: true, force: true });
  }
}

function digestOfSources(): string {
  const hash = createHash('sha256');
  for (const path of [...SOURCES.flatMap(filesUnder), ...MANIFESTS]) {
    hash
      .update(`${path}\0`)
      .update(readFileSync(join(root, path)))
      .update('\0');
  }
  return hash.digest('hex').slice(0, 16);
}

function filesUnder(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /(?<!\.test|\.fixture)\.tsx?$/.test(name))
    .map((name) => join(folder, name))
    .toSorted();
}

if (import.meta.main) await import(pathToFileURL(await bundleTerminal()).href);
