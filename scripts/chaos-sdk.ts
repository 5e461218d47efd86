/**
 * The long form of `tests/chaos-sdk/sdk.test.ts`: `npm run chaos-sdk [-- --seed 1] [--clients 100] [--messages 10000]`.
 * Prints what it found as JSON, and ends with 1 when something was lost, doubled, out of order or unreadable, somebody was
 * alarmed without a reason, or one of those whose stores come back from a copy (one in twenty, no two of them in one
 * conversation) did not come back or has not noticed it.
 */
import { parseArgs } from 'node:util';
import { hasHeld, runSdk } from '../tests/chaos-sdk/sdk-run.ts';

/** As a shell tells of a program that was interrupted. */
const EXIT_STOPPED = 130;

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Date.now() % 2 ** 32) },
    clients: { type: 'string', default: '100' },
    messages: { type: 'string', default: '10000' },
  },
});
const [seed, clients, messages] = [values.seed, values.clients, values.messages].map(Number);
if (![seed, clients, messages].every((number) => Number.isInteger(number) && Number(number) > 0)) {
  throw new Error('--seed, --clients and --messages take numbers');
}
console.log(`seed ${seed}`);

/** Why the run ends early. Who asks twice waits for nothing: what has been started ends with this process. */
const ending = new AbortController();
for (const event of ['SIGINT', 'SIGTERM', 'disconnect'] as const) {
  process.on(event, () => {
    if (ending.signal.aborted) process.exit(EXIT_STOPPED);
    console.log('ending what was started');
    ending.abort(new Error(`stopped by ${event}`));
  });
}
process.channel?.unref();

try {
  const report = await runSdk({
    ...{ seed: Number(seed), clients: Number(clients), messages: Number(messages) },
    // Longer than a client waits before it asks again for what it cannot read.
    ...{ pauseMsMax: 1_000, settleMs: 200_000, say: console.log, signal: ending.signal },
  });
  console.log(JSON.stringify(report, undefined, 2));
  if (!hasHeld(report)) process.exitCode = 1;
} catch (error) {
  if (!ending.signal.aborted) throw error;
  process.exitCode = EXIT_STOPPED;
}
