/** Words of a command line that name an account. */
import { UserId, Username } from '@sotto/api';
import { CommandError } from '@sotto/runtime';
import { usernameKey } from '../credential-rules.ts';
import { findUser, findUserByKey, type User } from '../store.ts';
import type { AdminDeps } from './command.ts';

/** The account of a name or an id. Throws a CommandError when there is none. */
export async function accountOf(
  { database }: Pick<AdminDeps, 'database'>,
  word: string,
): Promise<User> {
  const id = UserId.safeParse(word.toLowerCase());
  const name = Username.safeParse(word);
  const user = id.success
    ? await findUser(database.query, id.data)
    : name.success
      ? await findUserByKey(database.query, usernameKey(name.data))
      : undefined;
  if (user === undefined) throw new CommandError('there is no such user');
  return user;
}
