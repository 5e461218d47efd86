/** The short form of `npm run chaos-files`. */
import { expect, test } from 'vitest';
import { openWiredStore } from './object-store.ts';
import { NOTHING } from './remains.ts';
import { runTransfers } from './transfer-run.ts';

const MIB = 1024 * 1024;
const SEED = 7;

test(`files arrive as they were sent while everything on their way is killed, and nothing stays (seed ${SEED})`, async () => {
  const report = await runTransfers({
    ...{ seed: SEED, files: 8, pairs: 2, sizeMax: 16 * MIB },
    ...{
      pauseMs: { least: 500, most: 1_200 },
      killsMax: 8,
      withinMs: 150_000,
      store: openWiredStore,
    },
  });
  expect(report).toMatchObject({ files: 8, damaged: 0, missing: 0, afterErasure: NOTHING });
  expect(Object.values(report.afterSweep)).toEqual([0, 0, 0, 0]);
  expect(Object.keys(report.kills).toSorted()).toEqual(['client', 'file', 'gateway', 's3']);
}, 240_000);
