/** The long form of `tests/crash/crash-points.test.ts`: `npm run crash-points`. Options: `--help`. */
import { NO_LIMITS, startStandalone } from '../tests/cluster.ts';
import { type CrashReport, dieAtEachPoint } from '../tests/crash/crash-points.ts';
import { CRASH_ENVIRONMENT, TASKS } from '../tests/crash/scene.ts';
import {
  countOf,
  EXIT_STOPPED,
  readFlags,
  refuseCall,
  reportRun,
  untilStopped,
} from './long-run.ts';

const USAGE = `usage: npm run crash-points [-- OPTIONS]

All points at which a client may die while it sends, also to devices that it does not know, receives, gives out keys,
renews tokens, links a device or is linked. Half an hour or more for all; ends with 1 when anything was lost.

  --task NAME  one of ${TASKS.join(', ')}
  --every 5    tries each fifth point
  --report     writes what it found to docs/reports/crash-points.json
  --help       shows this`;

const values = readFlags(USAGE, {
  task: { type: 'string' },
  every: { type: 'string', default: '1' },
  report: { type: 'boolean' },
});
const every = countOf('every', values.every);
const tasks = TASKS.filter((task) => values.task === undefined || values.task === task);
if (tasks.length === 0) refuseCall(`--task takes one of ${TASKS.join(', ')}`);

const platform = await startStandalone({ environment: { ...NO_LIMITS, ...CRASH_ENVIRONMENT } });
untilStopped().addEventListener('abort', async () => {
  await platform.close();
  process.exit(EXIT_STOPPED);
});
const reports: CrashReport[] = [];
try {
  for (const task of tasks) {
    const report = await dieAtEachPoint({ url: platform.url, task, every, from: 1 });
    reports.push(report);
    console.log(`${task}: died ${report.deaths} times, ${report.faults.length} faults`);
    for (const fault of report.faults) console.log(`  ${fault}`);
    if (report.faults.length > 0) process.exitCode = 1;
  }
  reportRun({ name: 'crash-points', isKept: values.report }, { every, reports });
} finally {
  await platform.close();
}
