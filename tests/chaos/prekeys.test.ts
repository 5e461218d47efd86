/** The short form of `npm run chaos-keys`. */
import { expect, test } from 'vitest';
import { runPrekeys } from './prekey-run.ts';

test('killed key services give no one-time prekey twice, all of them, and in order', async () => {
  const report = await runPrekeys({
    ...{ fetches: 10_000, devices: 20, prekeysPerDevice: 50 },
    ...{ workers: 64, processes: 3, killEveryMs: 700 },
  });
  expect(report).toMatchObject({ prekeys: 1_000, left: 0, twice: 0, disordered: 0 });
  expect(report.kills).toBeGreaterThan(1);
  expect(report.received + report.lost).toBe(1_000);
  // Lost with their answers, and no others.
  expect(report.lost).toBeLessThanOrEqual(report.cut);
}, 120_000);
