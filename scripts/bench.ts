/**
 * Runs one benchmark: `npm run bench -- NAME [--json FILE]`.
 *
 * A benchmark is a module `tests/bench/NAME.bench.ts` or `packages/PACKAGE/bench/NAME.ts` that exports
 * `run(): Promise<Result[]>`. Prints a Markdown table; the file gets `{ name, commit, machine, results }`.
 */
import { execFileSync } from 'node:child_process';
import { globSync, writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { markdownTable, type Result } from './bench-results.ts';

interface Benchmark {
  run(): Promise<Result[]>;
}

const root = fileURLToPath(new URL('..', import.meta.url));

if (import.meta.main) await main();

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { json: { type: 'string' }, help: { type: 'boolean', default: false } },
  });
  if (values.help) {
    console.log(
      `npm run bench -- NAME [--json FILE]\n\n${[...benchmarks().keys()].toSorted().join('\n')}`,
    );
    return;
  }
  const name = positionals[0];
  const modules = benchmarks();
  const path = modules.get(name ?? '');
  if (name === undefined || path === undefined) {
    console.error(`which benchmark? one of: ${[...modules.keys()].toSorted().join(', ')}`);
    process.exitCode = 1;
    return;
  }
  const benchmark: Benchmark = await import(pathToFileURL(join(root, path)).href);
  const results = await benchmark.run();
  console.log(markdownTable(results));
  if (values.json === undefined) return;
  const report = { name, commit: commit(), machine: machine(), results };
  writeFileSync(values.json, `${JSON.stringify(report, undefined, 2)}\n`);
}

/** Name to path. */
function benchmarks(): Map<string, string> {
  const paths = globSync(['tests/bench/*.bench.ts', 'packages/*/bench/*.ts'], { cwd: root });
  const named = paths.map((path) => [path.replace(/^.*\/|(\.bench)?\.ts$/g, ''), path] as const);
  return new Map(named.filter(([name]) => !name.includes('.')));
}

function commit(): string {
  try {
    return execFileSync('git', ['describe', '--always', '--dirty'], {
      cwd: root,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    // A tarball has no history.
    return 'unknown';
  }
}

function machine(): { [property: string]: string | number } {
  const [first] = cpus();
  return {
    platform: `${process.platform}-${process.arch}`,
    cpu: first?.model ?? 'unknown',
    cores: cpus().length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    node: process.version,
  };
}
