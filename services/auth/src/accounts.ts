/** Accounts: making one, logging in to one. */
import { randomUUID } from 'node:crypto';
import {
  ApiError,
  type Body,
  type DeviceId,
  type Login,
  type login,
  type register,
  UserId,
} from '@sotto/api';
import { enqueueEvent } from '@sotto/runtime';
import type { Attempts } from './attempts.ts';
import { checkPassword, checkUsername, usernameKey } from './credential-rules.ts';
import { addDevice, deviceForLogin } from './devices.ts';
import type { Passwords } from './passwords.ts';
import { announceEnded, openSession, type SessionDeps, sessionsEnded } from './sessions.ts';
import type { Source } from './source.ts';
import { findUserByKey, hasDevice, insertUser, type User } from './store.ts';

export interface AccountDeps extends SessionDeps {
  passwords: Passwords;
  /** Each range of sources has a limit of its own. */
  registrations: Readonly<Record<Source['range'], Attempts>>;
  loginFailures: Attempts;
}

/**
 * Makes an account with its first device, and logs it in. Throws `auth.username-rule`, `auth.password-rule`,
 * `auth.username-taken`, `auth.busy`, `rate.limited`. A caller that lost the answer logs in.
 */
export async function registerAccount(
  deps: AccountDeps,
  { username, password }: Body<typeof register>,
  source: Source,
): Promise<Login> {
  checkUsername(username);
  checkPassword(password);
  const registrations = deps.registrations[source.range];
  await registrations.check(source.key);
  const at = new Date(deps.clock());
  const user: User = {
    id: UserId.parse(randomUUID()),
    username,
    username_key: usernameKey(username),
    password_hash: await deps.passwords.hash(password),
    created_at: at,
  };
  const answer = await deps.database.query.transaction().execute(async (transaction) => {
    if (!(await insertUser(transaction, user))) throw new ApiError('auth.username-taken');
    const device = await addDevice(transaction, user.id, at);
    const { session, tokens } = await openSession(deps, transaction, { user: user.id, device, at });
    await enqueueEvent(transaction, 'events.account.created', { user: user.id, username });
    // Last, so that only accounts cost: whoever fails must not use up what others share with them.
    await registrations.spend(source.key);
    return { user: user.id, device, session, username, ...tokens };
  });
  deps.outbox.nudge();
  deps.events.registered();
  return answer;
}

/**
 * Logs in on a device of the account, or on a new one. Throws `auth.credentials-wrong` for an unknown account and for
 * a wrong password alike: same answer, same number of hashes (the test in `auth.test.ts` compares them). With the
 * right password also `auth.device-unknown`, `auth.device-limit`; in any case `auth.busy`, `rate.limited`.
 */
export async function logIn(
  deps: AccountDeps,
  { username, password, device: known }: Body<typeof login>,
  source: Source,
): Promise<Login> {
  const user = await authenticate(deps, { username, password, device: known, source });
  const at = new Date(deps.clock());
  const { answer, ended } = await deps.database.query.transaction().execute(async (transaction) => {
    const choice = await deviceForLogin(transaction, { user: user.id, device: known, at });
    const { device } = choice;
    await announceEnded(transaction, choice.ended);
    const { session, tokens } = await openSession(deps, transaction, { user: user.id, device, at });
    const identity = { user: user.id, device, session, username: user.username };
    return { answer: { ...identity, ...tokens }, ended: choice.ended };
  });
  sessionsEnded(deps, ended);
  deps.events.loggedIn();
  return answer;
}

interface Claim {
  username: string;
  password: string;
  device: DeviceId | undefined;
  source: Source;
}

async function authenticate(
  { database, passwords, loginFailures, events }: AccountDeps,
  { username, password, device, source }: Claim,
): Promise<User> {
  const key = usernameKey(username);
  // Failures elsewhere do not lock a device of the account out (DESIGN 5). Any other device counts as none, or each
  // made-up one would bring new attempts.
  const isKnown = device !== undefined && (await hasDevice(database.query, key, device));
  const subject = `${source.key}\n${isKnown ? device : ''}\n${key}`;
  await loginFailures.check(subject);
  const user = await findUserByKey(database.query, key);
  const isRight = await passwords.verify({
    password,
    hash: user?.password_hash,
    // Again, when its turn has come: what was sent in parallel does not outrun the count.
    before: () => loginFailures.check(subject),
  });
  if (user !== undefined && isRight) return user;
  await loginFailures.count(subject);
  events.loginFailed();
  throw new ApiError('auth.credentials-wrong');
}
