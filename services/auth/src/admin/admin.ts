/**
 * The operator's commands: `npm run admin -- COMMAND`, and `admin COMMAND` in a container.
 *
 * They work on the database itself, beside a platform that runs: what they change is announced through the outbox, as
 * the service's own changes are. Whoever may read the database's password may do all this, so there is no other check.
 */
import { runCommand } from '@sotto/runtime';
import { readAudit } from './audit-command.ts';
import type { AdminDeps, Command } from './command.ts';
import { inviteCommands } from './invite-commands.ts';
import { createAdministrator } from './new-account.ts';
import { rotateKeys } from './rotate-command.ts';
import { sessionCommands } from './session-commands.ts';
import { userCommands } from './user-commands.ts';

/** By their names. */
export const ACCOUNT_COMMANDS: ReadonlyMap<string, Command> = new Map(
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
export function runAdmin(deps: AdminDeps, words: readonly string[]): Promise<number> {
  return runCommand(ACCOUNT_COMMANDS, deps, words);
}
