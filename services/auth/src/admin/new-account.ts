/** Accounts that the operator makes, whatever the registration mode. */
import { randomUUID } from 'node:crypto';
import { ApiError, UserId } from '@sotto/api';
import { CommandError, enqueueEvent, onlyWord, type Terminal, wrongCall } from '@sotto/runtime';
import { checkPassword, checkUsername, usernameKey } from '../credential-rules.ts';
import { createPasswords } from '../passwords.ts';
import { codeDigest, makeCode } from '../secret-code.ts';
import { insertUser } from '../store.ts';
import type { AdminDeps, Command } from './command.ts';

/** `create NAME`. */
export const createAdministrator: Command = (deps, words) => make(deps, words, true);

/** `users create NAME`. */
export const createOrdinary: Command = (deps, words) => make(deps, words, false);

async function make(deps: AdminDeps, words: readonly string[], isAdmin: boolean): Promise<void> {
  const { database, audit, clock, terminal } = deps;
  const username = onlyWord(words, 'name');
  obey(() => checkUsername(username));
  const given = await askPassword(terminal);
  const password = given ?? makeCode();
  obey(() => checkPassword(password, { username }));
  const recoveryCode = makeCode();
  const id = UserId.parse(randomUUID());
  const user = {
    id,
    username,
    username_key: usernameKey(username),
    password_hash: await (await createPasswords()).hash(password),
    recovery_digest: codeDigest('recovery', recoveryCode),
    is_admin: isAdmin,
    created_at: new Date(clock()),
  };
  await database.query.transaction().execute(async (transaction) => {
    if (!(await insertUser(transaction, user))) throw new CommandError('the username is taken');
    await enqueueEvent(transaction, 'events.account.created', { user: id, username });
    await audit.note(transaction, { action: 'account.registered', user: id });
    const command = isAdmin ? 'create' : 'users create';
    await audit.note(transaction, { action: 'admin.acted', command, user: id });
  });
  terminal.out(`user          ${username}`);
  terminal.out(`id            ${id}`);
  if (given === undefined) terminal.out(`password      ${password}`);
  terminal.out(`recovery code ${recoveryCode}`);
  terminal.note(
    'This is shown once. A password that was made here is to be changed after the first log-in.',
  );
}

/** What is typed, twice alike; undefined when nobody sits there, or nothing is typed. */
async function askPassword({ askSecret }: Terminal): Promise<string | undefined> {
  const first = await askSecret?.('Password (empty: make one): ');
  if (askSecret === undefined || first === undefined || first === '') return undefined;
  if ((await askSecret('Again: ')) !== first) throw wrongCall('the two were not alike');
  return first;
}

/** A broken rule as a wrong call. */
function obey(check: () => void): void {
  try {
    check();
  } catch (error) {
    if (error instanceof ApiError) throw wrongCall(error.message);
    throw error;
  }
}
