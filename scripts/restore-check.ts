/** The long form of `tests/chaos/restore.test.ts`: `npm run restore-check`. Options: `--help`. */
import { runRestore } from '../tests/chaos/restore-run.ts';
import { countOf, readFlags, reportRun } from './long-run.ts';

const USAGE = `usage: npm run restore-check [-- --messages N] [--report]

Loses a platform while people write, puts it back from a copy, and sees that everybody has everything once.

  --messages N   between the backup and the loss, and again after the restore; 10000
  --report       writes what it found to docs/reports/restore.json
  --help         show this`;

const values = readFlags(USAGE, {
  messages: { type: 'string', default: '10000' },
  report: { type: 'boolean' },
});
const messages = countOf('messages', values.messages);

/** As long as a slow machine takes, and time to start. */
const withinMs = 60_000 + messages * 30;
const report = await runRestore({ messages, withinMs, say: console.log });
reportRun({ name: 'restore', isKept: values.report }, { messages, report });
const { missing, twice, unreadable, alarmed } = report;
if (missing + twice + unreadable + alarmed > 0) process.exitCode = 1;
