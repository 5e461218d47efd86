/** Making accounts: by anyone, by invitation, or by nobody but the operator. */
import { randomUUID } from 'node:crypto';
import {
  type Answer,
  ApiError,
  type Body,
  type ProblemCode,
  type register,
  UserId,
} from '@sotto/api';
import { enqueueEvent } from '@sotto/runtime';
import type { Approach } from './approach.ts';
import type { RegistrationMode } from './config.ts';
import { checkPassword, checkUsername, usernameKey } from './credential-rules.ts';
import { makeDevice } from './devices.ts';
import { isInviteUsable, useInvite } from './invite-store.ts';
import type { LimiterOfRange } from './limiters.ts';
import type { Passwords } from './passwords.ts';
import type { SealedColumns } from './sealed-columns.ts';
import { codeDigest, makeCode } from './secret-code.ts';
import { openSession, type SessionDeps } from './sessions.ts';
import { insertUser, isNameTaken } from './store.ts';

export interface RegistrationDeps extends SessionDeps {
  passwords: Pick<Passwords, 'hash'>;
  registrations: LimiterOfRange;
  registrationFailures: LimiterOfRange;
  registrationMode: RegistrationMode;
  columns: Pick<SealedColumns, 'sealEmail'>;
}

/**
 * Makes an account with its first device, and logs it in. Throws `auth.registration-closed`, `auth.invite-wrong`,
 * `auth.username-rule`, `auth.password-rule`, `auth.username-taken`, `auth.busy`, `rate.limited`. A caller that lost
 * the answer logs in, and asks for another recovery code.
 */
export async function registerAccount(
  deps: RegistrationDeps,
  request: Body<typeof register>,
  approach: Approach,
): Promise<Answer<typeof register>> {
  const { range, key } = approach.source;
  const failures = deps.registrationFailures[range];
  await failures.check(key);
  try {
    return await makeAccount(deps, request, approach);
  } catch (error) {
    if (error instanceof ApiError && GUESSES.has(error.code)) await failures.count(key);
    throw error;
  }
}

/** What tells a stranger something, and costs us a look at least. */
const GUESSES: ReadonlySet<ProblemCode> = new Set(['auth.username-taken', 'auth.invite-wrong']);

async function makeAccount(
  deps: RegistrationDeps,
  { username, password, invite, email }: Body<typeof register>,
  { source, address, binding }: Approach,
): Promise<Answer<typeof register>> {
  const { database, audit, columns } = deps;
  const registrations = deps.registrations[source.range];
  const inviteDigest = await admit(deps, invite);
  checkUsername(username);
  checkPassword(password, { username });
  await registrations.check(source.key);
  // Before the hash, which is what costs; the insertion decides.
  if (await isNameTaken(database.query, usernameKey(username))) {
    throw new ApiError('auth.username-taken');
  }
  const at = new Date(deps.clock());
  const id = UserId.parse(randomUUID());
  const recoveryCode = makeCode();
  const user = {
    id,
    username,
    username_key: usernameKey(username),
    password_hash: await deps.passwords.hash(password),
    recovery_digest: codeDigest('recovery', recoveryCode),
    email: email === undefined ? null : columns.sealEmail(id, email),
    created_at: at,
  };
  const answer = await database.query.transaction().execute(async (transaction) => {
    if (!(await insertUser(transaction, user))) throw new ApiError('auth.username-taken');
    if (inviteDigest !== undefined && !(await useInvite(transaction, inviteDigest))) {
      throw new ApiError('auth.invite-wrong');
    }
    const device = await makeDevice(transaction, { user: id, at, deviceKey: binding?.deviceKey });
    const opened = { user: id, device, at, byPassword: true, boundTo: binding?.jkt };
    const { session, tokens } = await openSession(deps, transaction, opened);
    await enqueueEvent(transaction, 'events.account.created', { user: id, username });
    const noted = { user: id, device, session, source: address };
    await audit.note(transaction, { action: 'account.registered', ...noted });
    // Last, so that only accounts cost: whoever fails must not use up what others share with them.
    await registrations.take(source.key);
    return { user: id, device, session, username, ...tokens, recoveryCode };
  });
  deps.outbox.nudge();
  deps.events.registered();
  return answer;
}

/**
 * Lets a stranger in, or throws. The digest is of the invitation to be used up. Looked at before the password is
 * hashed, so that whoever was not invited makes no work.
 */
async function admit(
  { database, registrationMode }: RegistrationDeps,
  invite: string | undefined,
): Promise<Buffer | undefined> {
  if (registrationMode === 'open') return undefined;
  if (registrationMode === 'closed') throw new ApiError('auth.registration-closed');
  if (invite === undefined) throw new ApiError('auth.invite-wrong', { fields: ['invite'] });
  const digest = codeDigest('invite', invite);
  if (await isInviteUsable(database.query, digest)) return digest;
  throw new ApiError('auth.invite-wrong', { fields: ['invite'] });
}
