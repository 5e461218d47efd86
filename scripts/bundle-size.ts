/**
 * What the SDK weighs in a browser: the client, its cryptography and the IndexedDB store, as a bundler that splits makes
 * it of an application: what a page loads first, and that with the parts that are fetched when they are asked for.
 * A report: it fails when nothing can be bundled, and not for a size. `--json` gives the numbers alone.
 */
import { gzipSync } from 'node:zlib';
import { build, type Metafile } from 'esbuild';

/** What the SDK promises (issue of the SDK) of what a page loads first, in bytes of gzip. */
const AIM = 120_000;

const FORMS = {
  'plain store': "export { openIndexedDbStore } from '@sotto/client/indexeddb';",
  'encrypted store': "export { openSealedIndexedDbStore } from '@sotto/client/indexeddb';",
};

/** Files as a page fetches them, each compressed by itself. */
interface Weight {
  readonly files: number;
  readonly bytes: number;
  readonly gzipBytes: number;
}

interface Bundle {
  /** The entry, and what it imports before it runs. */
  readonly first: Weight;
  /** With what is fetched later, by `import()`. */
  readonly all: Weight;
  /** Everything in one file, for formats that cannot be split. */
  readonly unsplit: Weight;
  /** Minified bytes of each package in what is loaded first, the largest first. */
  readonly parts: readonly (readonly [string, number])[];
}

/** What came out of the bundler, by path. */
interface Built {
  readonly outputs: Metafile['outputs'];
  readonly code: ReadonlyMap<string, Uint8Array>;
}

const bundles = Object.fromEntries(
  await Promise.all(
    Object.entries(FORMS).map(async ([name, store]) => [name, await bundle(store)] as const),
  ),
);
if (process.argv.includes('--json')) console.log(JSON.stringify(bundles));
else for (const [name, found] of Object.entries(bundles)) print(name, found);

async function bundle(store: string): Promise<Bundle> {
  const contents = `export { createClient } from '@sotto/client';\n${store}`;
  const [split, one] = await Promise.all([run(contents, true), run(contents, false)]);
  const first = loadedFirst(split.outputs);
  return {
    first: weigh(split, first),
    all: weigh(split, Object.keys(split.outputs)),
    unsplit: weigh(one, Object.keys(one.outputs)),
    parts: partsOf(split, first),
  };
}

async function run(contents: string, splitting: boolean): Promise<Built> {
  const root = new URL('..', import.meta.url).pathname;
  const { outputFiles, metafile } = await build({
    stdin: { contents, resolveDir: root, loader: 'ts' },
    bundle: true,
    splitting,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2024',
    legalComments: 'none',
    metafile: true,
    write: false,
    absWorkingDir: root,
    outdir: root,
  });
  const code = new Map(
    outputFiles.map(({ path, contents }) => [path.slice(root.length), contents]),
  );
  return { outputs: metafile.outputs, code };
}

/** The entry and all that hangs on it by `import` statements. */
function loadedFirst(outputs: Metafile['outputs']): string[] {
  const entry = Object.keys(outputs).find((path) => outputs[path]?.entryPoint === '<stdin>');
  if (entry === undefined) throw new Error('the bundle has no entry');
  const loaded = new Set([entry]);
  for (const path of loaded) {
    for (const { kind, path: next } of outputs[path]?.imports ?? []) {
      if (kind === 'import-statement') loaded.add(next);
    }
  }
  return [...loaded];
}

function weigh({ code }: Built, paths: readonly string[]): Weight {
  const files = paths.map((path) => {
    const found = code.get(path);
    if (found === undefined) throw new Error(`the bundle has no ${path}`);
    return found;
  });
  const sum = (sizes: number[]) => sizes.reduce((total, size) => total + size, 0);
  return {
    files: files.length,
    bytes: sum(files.map((file) => file.length)),
    gzipBytes: sum(files.map((file) => gzipSync(file, { level: 9 }).length)),
  };
}

function partsOf({ outputs }: Built, paths: readonly string[]): [string, number][] {
  const sizes = new Map<string, number>();
  for (const output of paths) {
    for (const [path, { bytesInOutput }] of Object.entries(outputs[output]?.inputs ?? {})) {
      const name = packageOf(path);
      sizes.set(name, (sizes.get(name) ?? 0) + bytesInOutput);
    }
  }
  return [...sizes].filter(([, size]) => size > 0).sort(([, a], [, b]) => b - a);
}

function packageOf(path: string): string {
  return (
    /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ??
    /^packages\/[^/]+/.exec(path)?.[0] ??
    path
  );
}

function print(name: string, { first, all, unsplit, parts }: Bundle): void {
  const verdict = first.gzipBytes <= AIM ? 'within' : 'above';
  console.log(`${name}: ${inGzip(first)} loaded first, ${verdict} ${kilobytes(AIM)}`);
  console.log(`  ${inGzip(all)} with all that is loaded later, ${inGzip(unsplit)} unsplit`);
  console.log(`  ${kilobytes(first.bytes)} minified are loaded first, of which`);
  for (const [part, size] of parts) console.log(`    ${kilobytes(size).padStart(9)} ${part}`);
}

function inGzip({ gzipBytes, files }: Weight): string {
  return `${kilobytes(gzipBytes)} gzip in ${files} ${files === 1 ? 'file' : 'files'}`;
}

function kilobytes(bytes: number): string {
  return `${(bytes / 1000).toFixed(1)} kB`;
}
