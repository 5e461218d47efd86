/**
 * The operator's commands: `npm run admin -- COMMAND`, and `node src/admin/main.ts COMMAND` in a container.
 *
 * They work on the database itself, beside a platform that runs: what they change is announced through the outbox, as
 * the service's own changes are. Whoever may read the database's password may do all this, so there is no other check.
 */
import { readAudit } from './audit-command.ts';
import type { AdminDeps, Command } from './command.ts';
import { inviteCommands } from './invite-commands.ts';
import { createAdministrator } from './new-account.ts';
import { rotateKeys } from './rotate-command.ts';
import { sessionCommands } from './session-commands.ts';
import { CommandError, EXIT_UNAVAILABLE, EXIT_USAGE, printable, wrongCall } from './terminal.ts';
import { userCommands } from './user-commands.ts';

/** A map, because an object would know `constructor` too. */
const COMMANDS: ReadonlyMap<string, Command> = new Map(
  Object.entries({
    create: createAdministrator,
    audit: readAudit,
    'rotate-field-keys': rotateKeys,
    ...userCommands,
    ...inviteCommands,
    ...sessionCommands,
  }),
);

/** Runs one command. Resolves to the exit code; every failure is one line on the terminal. */
export async function runAdmin(deps: AdminDeps, words: readonly string[]): Promise<number> {
  try {
    const [first = '', second = ''] = words;
    const two = COMMANDS.get(`${first} ${second}`);
    const one = COMMANDS.get(first);
    if (two !== undefined) await two(deps, words.slice(2));
    else if (one !== undefined) await one(deps, words.slice(1));
    else throw wrongCall('there is no such command');
    return 0;
  } catch (error) {
    const { message, exitCode } = toCommandError(error);
    deps.terminal.note(`sotto: ${printable(message)}`);
    if (exitCode === EXIT_USAGE) deps.terminal.note('Try: npm run admin -- --help');
    return exitCode;
  }
}

function toCommandError(error: unknown): CommandError {
  if (error instanceof CommandError) return error;
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  if (code.startsWith('ERR_PARSE_ARGS') && error instanceof Error)
    return wrongCall(error.message.replace(/\. .*/s, ''));
  if (code === UNDEFINED_TABLE || code === INVALID_SCHEMA) {
    return new CommandError('this database has no accounts yet: start the platform once first');
  }
  if (/^(E[A-Z]+|08|28|3D|53|57)/.test(code)) {
    return new CommandError(`the database does not answer (${code})`, EXIT_UNAVAILABLE);
  }
  return new CommandError(`this failed, and nothing was changed (${code || 'no code'})`);
}

const UNDEFINED_TABLE = '42P01';
const INVALID_SCHEMA = '3F000';
