/** The short form of `npm run chaos-sdk`. */
import { expect, test } from 'vitest';
import { runSdk } from './sdk-run.ts';

test('whatever dies or is forgotten, everybody shows every message once, in order, readable', async () => {
  const report = await runSdk({
    ...{ seed: 1, clients: 10, messages: 300 },
    ...{ pauseMsMax: 250, settleMs: 40_000 },
  });
  expect(report.alarms).toEqual([]);
  expect(report.verdict).toMatchObject({
    ...{ missing: 0, twice: 0, disordered: 0, unreadable: 0, untaken: 0 },
    findings: [],
  });
  expect(report.verdict.expected).toBeGreaterThan(600);
  // Whose store came back from a copy has said one thing more before.
  expect(report).toMatchObject({ written: 301, forgetful: 1, restored: 1, noticed: 1 });
  expect(report.restarts).toBeGreaterThan(3);
  expect(report.cuts).toBeGreaterThan(3);
}, 120_000);
