/**
 * The long form of `tests/files/transfers.test.ts`: `npm run chaos-files [-- --seed 1] [--files 50] [--mib 40]
 * [--store s3|directory] [--report]`. With --report what it found is written to docs/reports/chaos-files.json, over a
 * directory to chaos-files-directory.json. Over S3 it takes Ceph's gateway, as `npm run setup-tests` brings it, and kills it too.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { openDirectory, startMortalStore } from '../tests/files/object-store.ts';
import { isNothing } from '../tests/files/remains.ts';
import { runTransfers } from '../tests/files/transfer-run.ts';
import { startServers } from '../tests/servers.ts';

const MIB = 1024 * 1024;

/** As a shell tells of a program that was interrupted. */
const EXIT_STOPPED = 130;

const STORES = new Map([
  ['s3', { open: startMortalStore, report: 'chaos-files.json' }],
  ['directory', { open: openDirectory, report: 'chaos-files-directory.json' }],
]);

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Date.now() % 2 ** 32) },
    files: { type: 'string', default: '50' },
    mib: { type: 'string', default: '40' },
    store: { type: 'string', default: 's3' },
    report: { type: 'boolean', default: false },
  },
});
const [seed, files, mib] = [Number(values.seed), Number(values.files), Number(values.mib)];
if (![seed, files, mib].every((number) => Number.isInteger(number) && number > 0)) {
  throw new Error('--seed, --files and --mib take numbers');
}
const over = STORES.get(values.store);
if (over === undefined) throw new Error(`--store takes ${[...STORES.keys()].join(' or ')}`);
console.log(`seed ${seed}`);

/** Why the run ends early. Who asks twice waits for nothing: what has been started ends with this process. */
const ending = new AbortController();
for (const event of ['SIGINT', 'SIGTERM', 'disconnect'] as const) {
  process.on(event, () => {
    if (ending.signal.aborted) process.exit(EXIT_STOPPED);
    console.log('ending what was started');
    ending.abort(new Error(`stopped by ${event}`));
  });
}
process.channel?.unref();

// An S3 server is the run's own.
const own = { TEST_S3_ENDPOINT: 'none', TEST_S3_ACCESS_KEY: 'none', TEST_S3_SECRET_KEY: 'none' };
const environment = { ...process.env, ...own, CHROMIUM: 'none' };
const servers = await startServers(environment);
Object.assign(process.env, own, servers.environment);
const options = {
  seed,
  files,
  pairs: 5,
  sizeMax: mib * MIB,
  pauseMs: { least: 500, most: 2_500 },
  killsMax: files * 4,
} as const;
try {
  const report = await runTransfers({
    ...{ ...options, withinMs: 60_000 + files * 20_000 },
    ...{ store: over.open, say: console.log, signal: ending.signal },
  });
  const found = {
    ...{ at: new Date().toISOString(), commit: commit(), node: process.version },
    ...{ cores: cpus().length, store: values.store, options, report },
  };
  const text = `${JSON.stringify(found, undefined, 2)}\n`;
  console.log(text);
  if (values.report) {
    const path = new URL(`../docs/reports/${over.report}`, import.meta.url);
    writeFileSync(fileURLToPath(path), text);
  }
  const { damaged, missing, afterSweep, afterErasure } = report;
  const left = Object.values(afterSweep).reduce((sum, count) => sum + count, 0);
  if (damaged + missing + left > 0 || !isNothing(afterErasure)) process.exitCode = 1;
} catch (error) {
  if (!ending.signal.aborted) throw error;
  process.exitCode = EXIT_STOPPED;
} finally {
  await servers.close();
}

function commit(): string {
  return execFileSync('git', ['describe', '--always', '--dirty'], { encoding: 'utf8' }).trim();
}
