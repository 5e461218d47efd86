/** The short forms of `npm run chaos-files`. */
import { expect, test } from 'vitest';
import { openDirectory, openWiredStore } from './object-store.ts';
import { NOTHING } from './remains.ts';
import { runTransfers } from './transfer-run.ts';

const MIB = 1024 * 1024;
const SEED = 7;

const STORES = [
  {
    name: 'an S3 server',
    store: openWiredStore,
    killed: ['client', 'file', 'gateway', 's3'],
    options: { files: 8, pairs: 2, pauseMs: { least: 500, most: 1_200 }, killsMax: 8 },
  },
  {
    name: 'a directory',
    store: openDirectory,
    killed: ['client', 'file', 'gateway'],
    // One pair and short pauses: each is killed while there are files left to send.
    options: { files: 4, pairs: 1, pauseMs: { least: 100, most: 300 }, killsMax: 3 },
  },
] as const;

test.each(STORES)(
  `files arrive over $name as they were sent while everything on their way is killed, and nothing stays (seed ${SEED})`,
  async ({ store, killed, options }) => {
    const report = await runTransfers({
      ...{ ...options, seed: SEED, sizeMax: 16 * MIB },
      ...{ withinMs: 150_000, store },
    });
    const { files } = options;
    expect(report).toMatchObject({ files, damaged: 0, missing: 0, afterErasure: NOTHING });
    expect(Object.values(report.afterSweep)).toEqual([0, 0, 0, 0]);
    expect(Object.keys(report.kills).toSorted()).toEqual(killed);
  },
  240_000,
);
