/**
 * `reports …`: what users have reported, for the operator. Like the commands of the auth service they work on the
 * database itself; that a report was closed reaches the audit log by the outbox of the service that runs.
 */
import { randomUUID } from 'node:crypto';
import { parseArgs } from 'node:util';
import {
  type Command,
  CommandError,
  type Commands,
  type Database,
  noWords,
  onlyWord,
  printable,
  type Terminal,
  table,
  timeText,
  wholeNumber,
  wrongCall,
} from '@sotto/runtime';
import { closeReport, findReport, listReports, type ReportRow } from '../report-store.ts';
import type { Tables } from '../schema.ts';

export interface AdminDeps {
  database: Pick<Database<Tables>, 'query'>;
  terminal: Terminal;
}

type ReportCommand = Command<AdminDeps>;

const LIST = {
  all: { type: 'boolean' },
  limit: { type: 'string' },
  json: { type: 'boolean' },
} as const;

const list: ReportCommand = async ({ database, terminal }, words) => {
  const { values, positionals } = parseArgs({
    args: [...words],
    options: LIST,
    allowPositionals: true,
  });
  noWords(positionals);
  const bounds = { name: 'limit', least: 1, most: 10_000, byDefault: 100 };
  const limit = wholeNumber(values.limit, bounds);
  const reports = await listReports(database.query, { all: values.all === true, limit });
  if (values.json) {
    for (const report of reports) terminal.out(JSON.stringify(fieldsOf(report)));
    return;
  }
  const rows = reports.map((report) => [
    report.id,
    timeText(report.made_at),
    report.reason,
    nameOf(report, 'reported'),
    nameOf(report, 'reporter'),
    String(report.messages.length),
    report.closed_at === null ? 'open' : 'closed',
  ]);
  const headings = ['ID', 'MADE', 'REASON', 'ABOUT', 'BY', 'MESSAGES', 'STATE'];
  for (const line of table(headings, rows)) terminal.out(line);
};

const show: ReportCommand = async ({ database, terminal }, words) => {
  const { values, positionals } = parseArgs({
    args: [...words],
    options: { json: { type: 'boolean' } },
    allowPositionals: true,
  });
  const report = await findReport(database.query, idOf(positionals));
  if (report === undefined) throw new CommandError('there is no such report');
  const fields = fieldsOf(report);
  if (values.json) {
    terminal.out(JSON.stringify(fields));
    return;
  }
  const { messages, ...rest } = fields;
  const rows = Object.entries(rest).map(([name, value]) => [name, String(value ?? '')]);
  for (const line of table(['', ''], rows).slice(1)) terminal.out(line);
  terminal.note(
    'The text is what the reporter gave: the platform cannot tell whether it was sent.',
  );
  for (const { sentAt, id, text } of messages) {
    terminal.out('');
    terminal.out(printable(`${sentAt}  ${id}`));
    for (const line of text.split(/\r?\n/)) terminal.out(`  ${printable(line)}`);
  }
};

const close: ReportCommand = async ({ database, terminal }, words) => {
  const outcome = await closeReport(database.query, { id: idOf(words), eventId: randomUUID() });
  if (outcome === 'unknown') throw new CommandError('there is no such report');
  terminal.out(outcome === 'closed' ? 'closed' : 'was closed already');
};

/** By their names. */
export const REPORT_COMMANDS: Commands<AdminDeps> = new Map([
  ['reports list', list],
  ['reports show', show],
  ['reports close', close],
]);

function idOf(words: readonly string[]): string {
  const id = onlyWord(words, 'report').toLowerCase();
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id))
    throw wrongCall('a report is named by its id');
  return id;
}

/** Who has been erased has an id alone. */
function nameOf(report: ReportRow, who: 'reported' | 'reporter'): string {
  return report[`${who}_name`] ?? report[who];
}

function fieldsOf({ made_at, closed_at, ...report }: ReportRow) {
  return {
    ...report,
    made_at: made_at.toISOString(),
    closed_at: closed_at?.toISOString() ?? null,
  };
}
