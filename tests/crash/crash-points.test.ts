/** A part of the points at which a client may die, others in each run; `npm run crash-points` tries all. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { NO_LIMITS, type Standalone, startStandalone } from '../cluster.ts';
import { dieAtEachPoint } from './crash-points.ts';
import { CRASH_ENVIRONMENT, type Task } from './scene.ts';

/** How far apart they are; what links waits for the key log each time. */
const EVERY: Record<Task, number> = {
  ...{ send: 29, receive: 29, 'send-group': 29, 'receive-group': 29 },
  ...{ refill: 29, refresh: 29, link: 43, complete: 43, 'send-stale': 29 },
};

let platform: Standalone;
beforeAll(async () => {
  platform = await startStandalone({ environment: { ...NO_LIMITS, ...CRASH_ENVIRONMENT } });
});
afterAll(() => platform?.close());

test.each(Object.entries(EVERY) as [Task, number][])(
  'a client that dies anywhere while it is to %s loses nothing, and goes on',
  async (task, every) => {
    const from = 1 + Math.floor(Math.random() * every);
    const report = await dieAtEachPoint({ url: platform.url, task, every, from });
    expect(report, `from point ${from}`).toMatchObject({ faults: [] });
    expect(report.deaths).toBeGreaterThan(0);
  },
  180_000,
);
