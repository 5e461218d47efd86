/** What a caller may do only after giving the password again: a stolen access token must not be enough. */
import { ApiError } from '@sotto/api';
import type { Caller, Limiter } from '@sotto/runtime';
import type { Passwords } from './passwords.ts';
import type { SessionDeps } from './sessions.ts';
import { findUser, type User } from './store.ts';

export interface ConfirmationDeps extends SessionDeps {
  passwords: Passwords;
  loginFailures: Limiter;
}

/** Who gives the password, and from where. */
export interface Confirmation {
  caller: Pick<Caller, 'user' | 'device' | 'session'>;
  password: string;
  /** For the audit log. */
  address: string | undefined;
}

/** A caller as the audit log names them. */
export function whoOf({ user, device, session }: Confirmation['caller']): Confirmation['caller'] {
  return { user, device, session };
}

/**
 * The account, if the password is its own. Throws `auth.credentials-wrong`, `auth.busy`, `rate.limited`: failures have
 * a budget of the session's own, so a stolen token guesses as slowly as a stranger and locks nobody else out.
 */
export async function confirmPassword(
  { database, passwords, loginFailures, events, audit }: ConfirmationDeps,
  { caller, password, address }: Confirmation,
): Promise<User> {
  const subject = `confirm\n${caller.session}`;
  await loginFailures.check(subject);
  const user = await findUser(database.query, caller.user);
  const isRight = await passwords.verify({
    password,
    hash: user?.password_hash,
    before: () => loginFailures.check(subject),
  });
  if (user !== undefined && isRight) return user;
  await loginFailures.count(subject);
  events.loginFailed('confirmation');
  await audit.note(database.query, {
    action: 'login.failed',
    ...whoOf(caller),
    source: address,
  });
  throw new ApiError('auth.credentials-wrong');
}
