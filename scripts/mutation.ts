/**
 * Mutation testing of `packages/crypto`: `npm run mutation`, or of some of its files: `npm run mutation -- session chain`.
 *
 * Stryker changes the code in one place after another and runs the tests that reach it, with properties tried less
 * often (`QUICK=1`). A change that no test notices is printed. It works on a copy; `--json FILE` keeps its report.
 */
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

/** The part of Stryker's report that is printed. */
interface Report {
  files: Readonly<Record<string, { source: string; mutants: readonly Mutant[] }>>;
}

interface Mutant {
  status:
    | 'Killed'
    | 'Timeout'
    | 'Survived'
    | 'NoCoverage'
    | 'Ignored'
    | 'RuntimeError'
    | 'CompileError';
  mutatorName: string;
  replacement: string;
  location: { start: { line: number; column: number }; end: { line: number; column: number } };
}

const root = fileURLToPath(new URL('..', import.meta.url));
const tools = join(root, 'tests/mutation');
const library = join(root, 'packages/crypto');
const REPORT = 'mutation.json';

const VITEST_CONFIG = `export default {
  test: {
    include: ['src/**/*.test.ts'],
    exclude: ['src/schedules*.test.ts'],
    env: { QUICK: '1' },
    testTimeout: 60_000,
  },
};
`;

await main();

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { json: { type: 'string' }, concurrency: { type: 'string', default: '2' } },
  });
  if (!existsSync(join(tools, 'node_modules'))) {
    const flags = ['--legacy-peer-deps', '--ignore-scripts', '--no-audit', '--no-fund'];
    execFileSync('npm', ['ci', ...flags], { cwd: tools, stdio: 'inherit' });
  }
  const copy = mkdtempSync(join(tmpdir(), 'sotto-mutation-'));
  try {
    prepare(copy, { names: positionals, concurrency: Number(values.concurrency) });
    const stryker = join(tools, 'node_modules/@stryker-mutator/core/bin/stryker.js');
    execFileSync(process.execPath, [stryker, 'run'], { cwd: copy, stdio: 'inherit' });
    const report = readFileSync(join(copy, REPORT), 'utf8');
    if (values.json !== undefined) writeFileSync(values.json, report);
    print(JSON.parse(report));
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
}

/** A copy of the library that finds its dependencies where the original does. */
function prepare(copy: string, run: { names: readonly string[]; concurrency: number }): void {
  for (const part of ['src', 'vectors', 'package.json']) {
    cpSync(join(library, part), join(copy, part), { recursive: true });
  }
  mkdirSync(join(copy, 'node_modules'));
  symlinkSync(join(library, 'node_modules/@noble'), join(copy, 'node_modules/@noble'));
  for (const name of ['vitest', 'fast-check']) {
    symlinkSync(join(root, 'node_modules', name), join(copy, 'node_modules', name));
  }
  writeFileSync(join(copy, 'vitest.config.ts'), VITEST_CONFIG);
  writeFileSync(
    join(copy, 'stryker.config.json'),
    JSON.stringify({
      testRunner: 'vitest',
      plugins: [
        join(tools, 'node_modules/@stryker-mutator/vitest-runner/dist/src/index.js'),
        join(tools, 'ignorer.js'),
      ],
      ignorers: ['not-behaviour'],
      mutate: mutated(run.names),
      vitest: { configFile: 'vitest.config.ts' },
      coverageAnalysis: 'perTest',
      // A mutant outside of functions needs every test in a process of its own; the vectors pin such constants.
      ignoreStatic: true,
      inPlace: true,
      concurrency: run.concurrency,
      timeoutMS: 20_000,
      reporters: ['json', 'progress-append-only'],
      jsonReporter: { fileName: REPORT },
    }),
  );
}

function mutated(names: readonly string[]): string[] {
  const sources = names.length > 0 ? names.map((name) => `src/${name}.ts`) : ['src/*.ts'];
  return [...sources, '!src/*.test.ts', '!src/*.fixture.ts'];
}

/** The score of each file, and what survived. */
function print({ files }: Report): void {
  const lines = ['| file | mutants | caught | score |', '| --- | ---: | ---: | ---: |'];
  const survivors: string[] = [];
  const total = { all: 0, caught: 0 };
  for (const [path, { source, mutants }] of Object.entries(files)) {
    const counted = mutants.filter(({ status }) => isCaught(status) || isMissed(status));
    const caught = counted.filter(({ status }) => isCaught(status)).length;
    lines.push(row(path, counted.length, caught));
    total.all += counted.length;
    total.caught += caught;
    for (const mutant of counted) {
      if (isMissed(mutant.status)) survivors.push(describe(path, source, mutant));
    }
  }
  lines.push(row('all', total.all, total.caught));
  console.log([...survivors, '', ...lines].join('\n'));
}

function isCaught(status: Mutant['status']): boolean {
  return status === 'Killed' || status === 'Timeout';
}

function isMissed(status: Mutant['status']): boolean {
  return status === 'Survived' || status === 'NoCoverage';
}

function row(name: string, all: number, caught: number): string {
  const score = all === 0 ? '' : `${((100 * caught) / all).toFixed(1)} %`;
  return `| ${name.replace('src/', '')} | ${all} | ${caught} | ${score} |`;
}

function describe(path: string, source: string, mutant: Mutant): string {
  const { start, end } = mutant.location;
  const line = source.split('\n')[start.line - 1]!;
  const original = line.slice(
    start.column - 1,
    start.line === end.line ? end.column - 1 : undefined,
  );
  const replacement = mutant.replacement.replace(/\s+/g, ' ').slice(0, 80);
  return `${path}:${start.line} ${mutant.status} ${mutant.mutatorName}: ${original} -> ${replacement}`;
}
