/** Logging in with a password. */
import { ApiError, type Body, type Login, type login } from '@sotto/api';
import { refuseDisabled } from './account-state.ts';
import type { Approach } from './approach.ts';
import { usernameKey } from './credential-rules.ts';
import { knownDeviceOf } from './known-device.ts';
import { openLogin } from './login.ts';
import type { LoginLimits, Try } from './login-limits.ts';
import type { Passwords } from './passwords.ts';
import type { SessionDeps } from './sessions.ts';
import { findUserByKey, type User } from './store.ts';

export interface PasswordLoginDeps extends SessionDeps {
  passwords: Passwords;
  loginLimits: LoginLimits;
}

/**
 * Logs in on a device of the account, or on a new one. Throws `auth.credentials-wrong` for an unknown account and for
 * a wrong password alike: same answer, same number of hashes (the test in `auth.test.ts` compares them). With the
 * right password also `auth.account-disabled` and what `deviceForLogin` throws; in any case `auth.busy`,
 * `rate.limited`.
 */
export async function logIn(
  deps: PasswordLoginDeps,
  { username, password, device }: Body<typeof login>,
  approach: Approach,
): Promise<Login> {
  const user = await authenticate(deps, { username, password, device }, approach);
  refuseDisabled(user);
  const { id, username: name, password_hash: passwordHash } = user;
  return openLogin(deps, { user: id, username: name, passwordHash, device, ...approach });
}

async function authenticate(
  deps: PasswordLoginDeps,
  { username, password, device }: Body<typeof login>,
  approach: Approach,
): Promise<User> {
  const { database, passwords, loginLimits } = deps;
  const key = usernameKey(username);
  const knownDevice = await knownDeviceOf(database.query, { usernameKey: key, device }, approach);
  const attempt: Try = { usernameKey: key, source: approach.source, knownDevice };
  await loginLimits.admit(attempt);
  const user = await findUserByKey(database.query, key);
  const isRight = await passwords.verify({
    password,
    hash: user?.password_hash,
    before: () => loginLimits.admitAgain(attempt),
  });
  if (user !== undefined && isRight) return user;
  await noteFailure(deps, { attempt, user }, approach);
  throw new ApiError('auth.credentials-wrong');
}

interface Failure {
  attempt: Try;
  user: User | undefined;
}

/** Whoever is not there is counted and noted like everybody else, so that time does not tell. */
async function noteFailure(
  { database, events, audit, loginLimits }: PasswordLoginDeps,
  { attempt, user }: Failure,
  { address }: Approach,
): Promise<void> {
  const isLocked = await loginLimits.fail(attempt);
  events.loginFailed('password');
  const noted = { source: address, ...(user !== undefined && { user: user.id }) };
  await audit.note(database.query, { action: 'login.failed', ...noted });
  if (!isLocked) return;
  events.locked();
  await audit.note(database.query, { action: 'login.locked', ...noted });
}
