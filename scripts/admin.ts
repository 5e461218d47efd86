/** The operator's commands beside `npm start`, or beside a configured database: `npm run admin -- COMMAND`. */
import { fileURLToPath } from 'node:url';
import {
  ConfigError,
  EXIT_CONFIG,
  EXIT_UNAVAILABLE,
  EXIT_USAGE,
  printable,
  processTerminal,
  runCommand,
  type Terminal,
} from '@sotto/runtime';
import { ACCOUNT_COMMANDS } from '../services/auth/src/admin/admin.ts';
import { helpFor } from '../services/auth/src/admin/help.ts';
import { runOn as runOnAccounts } from '../services/auth/src/admin/open.ts';
import { REPORTS_HELP } from '../services/message/src/admin/help.ts';
import { runOn as runOnMessages } from '../services/message/src/admin/open.ts';
import { REPORT_COMMANDS } from '../services/message/src/admin/report-commands.ts';
import { findSite } from '../services/standalone/src/admin-site.ts';
import { OPERATIONS_HELP } from './admin/help.ts';
import { inspect } from './admin/inspect.ts';
import { resetLimits, showLimits } from './admin/limits.ts';
import { type Operation, withOperation } from './admin/operation.ts';
import { runRetention } from './admin/retention.ts';

const OPERATIONS: ReadonlyMap<string, Operation> = new Map([
  ['inspect', inspect],
  ['limits show', showLimits],
  ['limits reset', resetLimits],
  ['retention run', runRetention],
]);

const MORE_HELP = `${OPERATIONS_HELP}${REPORTS_HELP}`;

const path = (name: string) => fileURLToPath(new URL(`../${name}`, import.meta.url));
const source = { environment: process.env, file: path('config.yaml') };
const directory = path('.data');
process.exitCode = await run(process.argv.slice(2));

async function run(words: readonly string[]): Promise<number> {
  const terminal = processTerminal();
  const help = helpFor(words, MORE_HELP);
  if (help !== undefined) {
    terminal.out(help);
    return 0;
  }
  if (!isCommand(words)) {
    terminal.note(`sotto: there is no such command: ${printable(words.slice(0, 2).join(' '))}`);
    terminal.note(helpFor(words.slice(0, 1), MORE_HELP) ?? 'Try: npm run admin -- --help');
    return EXIT_USAGE;
  }
  try {
    if (words[0] === 'reports') {
      const { database } = findSite(source, directory, 'message');
      return await runOnMessages(database, terminal, words);
    }
    if (isOperation(words)) return await operate(terminal, words);
    return await runOnAccounts(findSite(source, directory, 'auth'), terminal, words);
  } catch (error) {
    const { message } = error instanceof Error ? error : new Error('this failed');
    terminal.note(`sotto: ${message}`);
    return error instanceof ConfigError ? EXIT_CONFIG : EXIT_UNAVAILABLE;
  }
}

/** What is no command is said whether or not there is a platform. */
function isCommand([first = '', second = '']: readonly string[]): boolean {
  return [ACCOUNT_COMMANDS, OPERATIONS, REPORT_COMMANDS].some(
    (commands) => commands.has(`${first} ${second}`) || commands.has(first),
  );
}

function isOperation([first]: readonly string[]): boolean {
  return [...OPERATIONS.keys()].some((name) => name.split(' ')[0] === first);
}

async function operate(terminal: Terminal, words: readonly string[]): Promise<number> {
  const { fieldKeys } = findSite(source, directory, 'auth');
  return withOperation({ terminal, fieldKeys }, (deps) => runCommand(OPERATIONS, deps, words));
}
