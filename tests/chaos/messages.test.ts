/** The short form of `npm run chaos`: every kind of fault, and each part of the platform. */
import { expect, test } from 'vitest';
import { RECOVERY } from './message-report.ts';
import { runMessages } from './message-run.ts';

const STRIKES = [
  ...['kill message-a', 'pause message-b', 'drain message-a', 'kill gateway'],
  ...['kill nats', 'pause nats', 'wipe nats', 'kill redis', 'kill postgres', 'pause postgres'],
  ...['cut clients', 'silence gateway from services'],
  ...['cut message-b from postgres', 'cut message-a from nats'],
];

test('whatever dies, what is acknowledged reaches everybody once and in order', async () => {
  const report = await runMessages({
    ...{ seed: 1, messages: 6_000, minutes: 0.5, natsServers: 1 },
    ...{ strikes: STRIKES, faults: STRIKES.length, holdMaxMs: 1_200 },
  });
  const { lost, twice, disordered, unaccounted, strayed, findings } = report.verdict;
  expect({ lost, twice, disordered, unaccounted, strayed, findings }).toEqual({
    ...{ lost: 0, twice: 0, disordered: 0, unaccounted: 0, strayed: 0 },
    findings: [],
  });
  expect(report.verdict.letters).toBeGreaterThanOrEqual(6_000);
  expect(report.changes).toBeGreaterThan(20);
  expect(report.faults).toHaveLength(STRIKES.length);
  // Beside other tests; how soon most are back is for the long form to say.
  for (const { name, recoveryMs } of report.faults) {
    expect(Math.max(...recoveryMs), name).toBeLessThanOrEqual(RECOVERY.allMs);
  }
}, 180_000);
