/**
 * All points at which a client may die while it sends, also to devices that it does not know, receives, gives out
 * keys, renews tokens, links a device or is linked:
 * `npm run crash-points [-- --task link] [--every 5]`. Half an hour or more for all; ends with 1 when anything was lost.
 */
import { parseArgs } from 'node:util';
import { NO_LIMITS, startStandalone } from '../tests/cluster.ts';
import { dieAtEachPoint } from '../tests/crash/crash-points.ts';
import { CRASH_ENVIRONMENT, TASKS } from '../tests/crash/scene.ts';

/** As a shell tells of a program that was interrupted. */
const EXIT_STOPPED = 130;

const { values } = parseArgs({
  options: {
    task: { type: 'string' },
    every: { type: 'string', default: '1' },
  },
});
const every = Number(values.every);
const tasks = TASKS.filter((task) => values.task === undefined || values.task === task);
if (!Number.isInteger(every) || every < 1 || tasks.length === 0) {
  throw new Error(`--every takes a number, --task one of ${TASKS.join(', ')}`);
}
const platform = await startStandalone({ environment: { ...NO_LIMITS, ...CRASH_ENVIRONMENT } });
for (const event of ['SIGINT', 'SIGTERM', 'disconnect'] as const) {
  process.once(event, async () => {
    console.log('ending what was started');
    await platform.close();
    process.exit(EXIT_STOPPED);
  });
}
process.channel?.unref();
try {
  for (const task of tasks) {
    const { deaths, faults } = await dieAtEachPoint({ url: platform.url, task, every, from: 1 });
    console.log(`${task}: died ${deaths} times, ${faults.length} faults`);
    for (const fault of faults) console.log(`  ${fault}`);
    if (faults.length > 0) process.exitCode = 1;
  }
} finally {
  await platform.close();
}
