/** The long form of `tests/chaos-sdk/sdk.test.ts`: `npm run chaos-sdk`. Options: `--help`. */
import { hasHeld, runSdk } from '../tests/chaos-sdk/sdk-run.ts';
import { anySeed, countOf, EXIT_STOPPED, readFlags, reportRun, untilStopped } from './long-run.ts';

const USAGE = `usage: npm run chaos-sdk [-- OPTIONS]

Clients of the SDK write to each other while connections break, clients die, and stores come back from a copy: of one
client in twenty, and no two of them are in one conversation. Ends with 1 when something was lost, doubled, out of
order or unreadable, somebody was alarmed without a reason, or a client with an old store did not notice it.

  --clients 100     in one process
  --messages 10000  that they write
  --seed N          of the course of events; any, when left out
  --report          writes what it found to docs/reports/chaos-sdk.json
  --help            shows this`;

const values = readFlags(USAGE, {
  seed: { type: 'string', default: anySeed() },
  clients: { type: 'string', default: '100' },
  messages: { type: 'string', default: '10000' },
  report: { type: 'boolean' },
});
const options = {
  seed: countOf('seed', values.seed),
  clients: countOf('clients', values.clients),
  messages: countOf('messages', values.messages),
};
console.log(`seed ${options.seed}`);
const signal = untilStopped();
try {
  // To settle it has longer than a client waits before it asks again for what it cannot read.
  const run = { ...options, pauseMsMax: 1_000, settleMs: 200_000 };
  const report = await runSdk({ ...run, say: console.log, signal });
  reportRun({ name: 'chaos-sdk', isKept: values.report }, { options, report });
  if (!hasHeld(report)) process.exitCode = 1;
} catch (error) {
  if (!signal.aborted) throw error;
  process.exitCode = EXIT_STOPPED;
}
