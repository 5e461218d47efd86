/**
 * The long form of `tests/chaos/restore.test.ts`: `npm run restore-check [-- --messages 10000] [--report]`. With --report
 * what it found is written to docs/reports/restore.json.
 */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { runRestore } from '../tests/chaos/restore-run.ts';

const USAGE = `usage: npm run restore-check [-- --messages N] [--report]

Loses a platform while people write, puts it back from a copy, and sees that everybody has everything once.

  --messages N   between the backup and the loss, and again after the restore; 10000
  --report       writes what it found to docs/reports/restore.json
  --help         show this`;

const { values } = parseArgs({
  options: {
    help: { type: 'boolean', short: 'h', default: false },
    messages: { type: 'string', default: '10000' },
    report: { type: 'boolean', default: false },
  },
});
if (values.help) {
  console.log(USAGE);
  process.exit();
}
const messages = Number(values.messages);
if (!(Number.isInteger(messages) && messages > 0)) throw new Error('--messages takes a number');

/** As long as a slow machine takes, and time to start. */
const withinMs = 60_000 + messages * 30;
const report = await runRestore({ messages, withinMs, say: console.log });
const commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
const found = {
  ...{ at: new Date().toISOString(), commit, node: process.version, cores: cpus().length },
  ...{ messages, report },
};
const text = `${JSON.stringify(found, undefined, 2)}\n`;
console.log(text);
if (values.report) {
  const path = new URL('../docs/reports/restore.json', import.meta.url);
  writeFileSync(fileURLToPath(path), text);
}
const { missing, twice, unreadable, alarmed } = report;
if (missing + twice + unreadable + alarmed > 0) process.exitCode = 1;
