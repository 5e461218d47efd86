/**
 * What the SDK weighs in a browser: the client, its cryptography and the IndexedDB store, as an application bundles them.
 * A report: it fails when nothing can be bundled, and not for a size. `--json` gives the numbers alone.
 */
import { gzipSync } from 'node:zlib';
import { build, type Metafile } from 'esbuild';

/** What the SDK promises (issue of the SDK), in bytes of gzip. */
const AIM = 120_000;

const FORMS = {
  'plain store': "export { openIndexedDbStore } from '@sotto/client/indexeddb';",
  'encrypted store': "export { openSealedIndexedDbStore } from '@sotto/client/indexeddb';",
};

interface Bundle {
  readonly bytes: number;
  readonly gzipBytes: number;
  readonly parts: readonly (readonly [string, number])[];
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
  const { outputFiles, metafile } = await build({
    stdin: { contents, resolveDir: new URL('..', import.meta.url).pathname, loader: 'ts' },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'browser',
    target: 'es2024',
    legalComments: 'none',
    metafile: true,
    write: false,
  });
  const [{ contents: code }] = outputFiles as [(typeof outputFiles)[number]];
  const gzipBytes = gzipSync(code, { level: 9 }).length;
  return { bytes: code.length, gzipBytes, parts: partsOf(metafile) };
}

/** Minified bytes of each package, the largest first. */
function partsOf({ outputs }: Metafile): [string, number][] {
  const sizes = new Map<string, number>();
  for (const output of Object.values(outputs)) {
    for (const [path, { bytesInOutput }] of Object.entries(output.inputs)) {
      const name = packageOf(path);
      sizes.set(name, (sizes.get(name) ?? 0) + bytesInOutput);
    }
  }
  return [...sizes].sort(([, a], [, b]) => b - a);
}

function packageOf(path: string): string {
  return (
    /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1] ??
    /^packages\/[^/]+/.exec(path)?.[0] ??
    path
  );
}

function print(name: string, { bytes, gzipBytes, parts }: Bundle): void {
  const verdict = gzipBytes <= AIM ? 'within' : 'above';
  console.log(`${name}: ${kilobytes(gzipBytes)} gzip, ${verdict} ${kilobytes(AIM)}`);
  console.log(`  ${kilobytes(bytes)} minified, of which`);
  for (const [part, size] of parts) console.log(`    ${kilobytes(size).padStart(9)} ${part}`);
}

function kilobytes(bytes: number): string {
  return `${(bytes / 1000).toFixed(1)} kB`;
}
