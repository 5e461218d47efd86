/**
 * The loss checker of `tests/chaos/message-run.ts`: `npm run chaos`.
 * Options: `--help`.
 *
 * Ends with an error when anything was lost, doubled, out of order, unaccounted for, or not back in time.
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import {
  describeFault,
  isGood,
  type Versions,
  writeReport,
} from '../tests/chaos/message-report.ts';
import { runMessages } from '../tests/chaos/message-run.ts';
import { findProgram } from '../tests/daemon.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const page = `${root}docs/reliability.md`;

/** From here on the page is written by people. */
const BY_HAND = '## What was found';

const HOLD_MAX_MS = 4_000;

const HELP = `npm run chaos -- [OPTIONS]

  --messages 1000000  letters to be stored, at least
  --faults 200        things that go wrong meanwhile
  --minutes 24        over which both are spread
  --seed 1            of the course of events; any, when left out
  --nats 3            servers of NATS: 1, or a cluster
  --report            writes docs/reliability.md`;

const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '1000000' },
    faults: { type: 'string', default: '200' },
    minutes: { type: 'string', default: '24' },
    seed: { type: 'string' },
    nats: { type: 'string', default: '3' },
    report: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) {
  console.log(HELP);
  process.exit(0);
}

const seed = values.seed === undefined ? Date.now() % 2 ** 32 : numberOf(values.seed, 'seed');
const options = {
  seed,
  messages: numberOf(values.messages, 'messages'),
  faults: numberOf(values.faults, 'faults'),
  minutes: numberOf(values.minutes, 'minutes'),
  natsServers: numberOf(values.nats, 'nats'),
  holdMaxMs: HOLD_MAX_MS,
};
console.log(`seed ${seed}`);
const report = await runMessages({
  ...options,
  onFault: (outcome, done) => console.log(`${done}/${options.faults} ${describeFault(outcome)}`),
});
const { messages, faults, minutes, natsServers } = options;
const text = writeReport(report, {
  command: `npm run chaos -- --messages ${messages} --faults ${faults} --minutes ${minutes} --nats ${natsServers} --seed ${seed}`,
  seed,
  versions: versions(report.postgresVersion),
  date: new Date().toISOString().slice(0, 10),
});
console.log(text);
if (values.report) writeFileSync(page, `${text}\n${byHand()}`);
process.exitCode = isGood(report) ? 0 : 1;

function numberOf(text: string, name: string): number {
  const value = Number(text);
  if (Number.isFinite(value) && value >= 0) return value;
  console.error(`--${name} takes a number`);
  process.exit(2);
}

function versions(postgres: string): Versions {
  const said = (program: string, argv: string[]): string => {
    const path = findProgram(program, process.env.PATH ?? '') ?? program;
    const text = execFileSync(path, argv, { cwd: root, encoding: 'utf8' });
    return /\d+\.\d+\.\d+/.exec(text)?.[0] ?? text.trim();
  };
  return {
    Sotto: execFileSync('git', ['rev-parse', '--short', 'HEAD'], {
      cwd: root,
      encoding: 'utf8',
    }).trim(),
    Node: process.versions.node,
    PostgreSQL: postgres,
    NATS: said('nats-server', ['--version']),
    Redis: said('redis-server', ['--version']),
  };
}

/** What people have written stays. */
function byHand(): string {
  const before = readFileSync(page, 'utf8');
  return before.slice(before.indexOf(BY_HAND));
}
