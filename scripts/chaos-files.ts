/** The long form of `tests/files/transfers.test.ts`: `npm run chaos-files`. Options: `--help`. */
import { openDirectory, startMortalStore } from '../tests/files/object-store.ts';
import { isNothing } from '../tests/files/remains.ts';
import { runTransfers } from '../tests/files/transfer-run.ts';
import { startServers } from '../tests/servers.ts';
import {
  anySeed,
  countOf,
  EXIT_STOPPED,
  readFlags,
  refuseCall,
  reportRun,
  untilStopped,
} from './long-run.ts';

const MIB = 1024 * 1024;

const STORES = new Map([
  ['s3', { open: startMortalStore, report: 'chaos-files' }],
  ['directory', { open: openDirectory, report: 'chaos-files-directory' }],
]);

const USAGE = `usage: npm run chaos-files [-- OPTIONS]

Files go up and down while the file service, the gateway, clients and the S3 server are killed. Ends with 1 when a file
was damaged or is missing, or when the store holds what no file needs.

  --files 50         that are sent
  --mib 40           of the largest of them
  --store s3         s3: Ceph's gateway, as npm run setup-tests brings it; or directory
  --seed N           of the course of events; any, when left out
  --report           writes what it found to docs/reports/chaos-files.json, over a directory to chaos-files-directory.json
  --help             shows this`;

const values = readFlags(USAGE, {
  seed: { type: 'string', default: anySeed() },
  files: { type: 'string', default: '50' },
  mib: { type: 'string', default: '40' },
  store: { type: 'string', default: 's3' },
  report: { type: 'boolean' },
});
const over =
  STORES.get(values.store) ?? refuseCall(`--store takes ${[...STORES.keys()].join(' or ')}`);
const files = countOf('files', values.files);
const options = {
  seed: countOf('seed', values.seed),
  files,
  pairs: 5,
  sizeMax: countOf('mib', values.mib) * MIB,
  pauseMs: { least: 500, most: 2_500 },
  killsMax: files * 4,
} as const;
console.log(`seed ${options.seed}`);
const signal = untilStopped();

// An S3 server is the run's own.
const own = { TEST_S3_ENDPOINT: 'none', TEST_S3_ACCESS_KEY: 'none', TEST_S3_SECRET_KEY: 'none' };
const environment = { ...process.env, ...own, CHROMIUM: 'none' };
const servers = await startServers(environment);
Object.assign(process.env, own, servers.environment);
try {
  const report = await runTransfers({
    ...{ ...options, withinMs: 60_000 + files * 20_000 },
    ...{ store: over.open, say: console.log, signal },
  });
  reportRun({ name: over.report, isKept: values.report }, { store: values.store, options, report });
  const { damaged, missing, afterSweep, afterErasure } = report;
  const left = Object.values(afterSweep).reduce((sum, count) => sum + count, 0);
  if (damaged + missing + left > 0 || !isNothing(afterErasure)) process.exitCode = 1;
} catch (error) {
  if (!signal.aborted) throw error;
  process.exitCode = EXIT_STOPPED;
} finally {
  await servers.close();
}
