/** `users …`. */
import { parseArgs } from 'node:util';
import { Username } from '@sotto/api';
import { noWords, onlyWord, table, timeText, wholeNumber, wrongCall } from '@sotto/runtime';
import { setDisabled, setRecoveryDigest, usersAfter } from '../account-store.ts';
import { usernameKey } from '../credential-rules.ts';
import { deleteIn } from '../deletion.ts';
import { requirePasswordOfAll } from '../device-store.ts';
import { codeDigest, makeCode } from '../secret-code.ts';
import { activeSessions, endSessionsOfUser } from '../session-store.ts';
import { announceEnded } from '../sessions.ts';
import { activeDevices, lockUser, type User } from '../store.ts';
import type { AdminDeps, Command } from './command.ts';
import { createOrdinary } from './new-account.ts';
import { sessionsEnded } from './session-commands.ts';
import { accountOf } from './words.ts';

/** By their names. */
export const userCommands: Readonly<Record<string, Command>> = {
  'users create': createOrdinary,
  'users list': list,
  'users show': show,
  'users disable': (deps, words) => disable(deps, words, true),
  'users enable': (deps, words) => disable(deps, words, false),
  'users reset': reset,
  'users delete': remove,
};

const LIST = {
  after: { type: 'string' },
  limit: { type: 'string' },
  json: { type: 'boolean' },
} as const;

async function list({ database, terminal }: AdminDeps, words: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...words],
    options: LIST,
    allowPositionals: true,
  });
  noWords(positionals);
  const limit = wholeNumber(values.limit, {
    name: 'limit',
    least: 1,
    most: 10_000,
    byDefault: 100,
  });
  const after = values.after ?? '';
  if (after !== '' && !Username.safeParse(after).success) throw wrongCall('--after is a username');
  const users = await usersAfter(database.query, usernameKey(after), limit);
  if (values.json) {
    for (const user of users) terminal.out(JSON.stringify(summaryOf(user)));
    return;
  }
  const rows = users.map((user) => [
    user.username,
    user.id,
    timeText(user.created_at),
    stateOf(user),
  ]);
  for (const line of table(['NAME', 'ID', 'CREATED', 'STATE'], rows)) terminal.out(line);
  if (users.length === limit) terminal.note(`There may be more: --after ${users.at(-1)?.username}`);
}

function summaryOf(user: User): { [field: string]: string | boolean | null } {
  return {
    user: user.id,
    username: user.username,
    created_at: user.created_at.toISOString(),
    is_admin: user.is_admin,
    disabled_at: user.disabled_at?.toISOString() ?? null,
    deleted_at: user.deleted_at?.toISOString() ?? null,
  };
}

function stateOf({ is_admin, disabled_at, deleted_at }: User): string {
  if (deleted_at !== null) return 'deleted';
  if (disabled_at !== null) return 'disabled';
  return is_admin ? 'administrator' : '';
}

async function show(deps: AdminDeps, words: readonly string[]): Promise<void> {
  const { database, columns, clock, terminal } = deps;
  const { values, positionals } = parseArgs({
    args: [...words],
    options: { json: { type: 'boolean' } },
    allowPositionals: true,
  });
  const user = await accountOf(deps, onlyWord(positionals, 'user'));
  const devices = await activeDevices(database.query, user.id);
  const at = new Date(clock());
  const sessions = await activeSessions(database.query, { user: user.id, at });
  const fields = {
    ...summaryOf(user),
    email: user.email && columns.openEmail(user.id, user.email),
    has_recovery_code: user.recovery_digest !== null,
    devices: devices.length,
    sessions: sessions.length,
  };
  if (values.json) {
    terminal.out(JSON.stringify(fields));
    return;
  }
  const rows = Object.entries(fields).map(([name, value]) => [name, String(value ?? '')]);
  for (const line of table(['', ''], rows).slice(1)) terminal.out(line);
}

async function disable(
  deps: AdminDeps,
  words: readonly string[],
  isDisabled: boolean,
): Promise<void> {
  const { database, audit, terminal } = deps;
  const { id: user, username } = await accountOf(deps, onlyWord(words, 'user'));
  const ended = await database.query.transaction().execute(async (transaction) => {
    await lockUser(transaction, user);
    await setDisabled(transaction, user, isDisabled);
    const sessions = isDisabled ? await endSessionsOfUser(transaction, { user }) : [];
    await announceEnded(transaction, sessions);
    // So that none comes back by itself once the account is enabled again.
    if (isDisabled) await requirePasswordOfAll(transaction, { user });
    if (isDisabled) await audit.note(transaction, { action: 'account.disabled', user });
    const command = isDisabled ? 'users disable' : 'users enable';
    await audit.note(transaction, { action: 'admin.acted', command, user });
    return sessions.length;
  });
  terminal.out(
    isDisabled ? `${username} is disabled; ${sessionsEnded(ended)}` : `${username} is enabled`,
  );
}

async function reset(deps: AdminDeps, words: readonly string[]): Promise<void> {
  const { database, audit, terminal } = deps;
  const { id: user, username } = await accountOf(deps, onlyWord(words, 'user'));
  const code = makeCode();
  await database.query.transaction().execute(async (transaction) => {
    await setRecoveryDigest(transaction, user, codeDigest('recovery', code));
    await audit.note(transaction, { action: 'admin.acted', command: 'users reset', user });
  });
  terminal.out(`recovery code ${code}`);
  terminal.note(`Shown once. ${username} sets a new password with it; the old code works no more.`);
}

async function remove(deps: AdminDeps, words: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...words],
    options: { yes: { type: 'boolean' } },
    allowPositionals: true,
  });
  const { id: user, username } = await accountOf(deps, onlyWord(positionals, 'user'));
  if (!values.yes)
    throw wrongCall(`this erases ${username} everywhere; add --yes if that is meant`);
  await deps.database.query.transaction().execute(async (transaction) => {
    await deleteIn(deps, transaction, { user });
    await deps.audit.note(transaction, { action: 'admin.acted', command: 'users delete', user });
  });
  deps.terminal.out(`${username} is deleted; what is held of the account goes within a day`);
}
