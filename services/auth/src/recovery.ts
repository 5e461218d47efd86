/** A new password for whoever has the recovery code. */
import { type Answer, ApiError, type Body, type recover } from '@sotto/api';
import { refuseDisabled } from './account-state.ts';
import { replaceRecoveryDigest, setPassword } from './account-store.ts';
import type { Approach } from './approach.ts';
import { checkPassword, usernameKey } from './credential-rules.ts';
import { requirePasswordOfAll } from './device-store.ts';
import { knownDeviceOf } from './known-device.ts';
import { openLoginIn } from './login.ts';
import type { Try } from './login-limits.ts';
import type { Passwords } from './passwords.ts';
import type { RecoveryLimits } from './recovery-limits.ts';
import { codeDigest, isCode, makeCode } from './secret-code.ts';
import { endSessionsOfUser } from './session-store.ts';
import { announceEnded, type SessionDeps, sessionsEnded } from './sessions.ts';
import { findUserByKey, lockUser, type User } from './store.ts';

export interface RecoveryDeps extends SessionDeps {
  passwords: Pick<Passwords, 'hash'>;
  recoveryLimits: RecoveryLimits;
}

/**
 * Sets a new password, ends all sessions, and logs a device in: the one that is named or has the key, or a new one. Other
 * devices come back by the new password only; a new code takes the place of the one that was used. Throws
 * `auth.password-rule`; `auth.recovery-wrong` for an unknown account and a wrong code alike; with the right code, which
 * stays good, `auth.account-disabled` and what `deviceForLogin` throws; `auth.busy`, `rate.limited`. A caller that lost the answer logs in with the new password.
 */
export async function recoverAccount(
  deps: RecoveryDeps,
  { username, recoveryCode, newPassword, device: wanted }: Body<typeof recover>,
  approach: Approach,
): Promise<Answer<typeof recover>> {
  checkPassword(newPassword, { username, field: 'newPassword' });
  const { user, old } = await checkCode(deps, { username, recoveryCode, device: wanted }, approach);
  refuseDisabled(user);
  const passwordHash = await deps.passwords.hash(newPassword);
  const nextCode = makeCode();
  const next = codeDigest('recovery', nextCode);
  const unlisted = await deps.findUnlisted({ user: user.id, at: new Date(deps.clock()) });
  const { answer, ended } = await deps.database.query.transaction().execute(async (transaction) => {
    await lockUser(transaction, user.id);
    // A code is used once, however many use it at the same time.
    if (!(await replaceRecoveryDigest(transaction, user.id, { old, next }))) throw wrongCode();
    await setPassword(transaction, user.id, passwordHash);
    const before = await endSessionsOfUser(transaction, { user: user.id });
    await requirePasswordOfAll(transaction, { user: user.id });
    await announceEnded(transaction, before);
    const opened = await openLoginIn(deps, transaction, {
      user: user.id,
      username: user.username,
      device: wanted,
      binding: approach.binding,
      address: approach.address,
      atLimit: 'retire',
      unlisted,
    });
    const { device, session } = opened.answer;
    await deps.audit.note(transaction, {
      action: 'password.recovered',
      user: user.id,
      device,
      session,
      source: approach.address,
    });
    return { answer: opened.answer, ended: [...before, ...opened.ended] };
  });
  sessionsEnded(deps, ended);
  return { ...answer, recoveryCode: nextCode };
}

type Claim = Pick<Body<typeof recover>, 'username' | 'recoveryCode' | 'device'>;

async function checkCode(
  { database: { query }, recoveryLimits, events, audit }: RecoveryDeps,
  { username, recoveryCode, device }: Claim,
  approach: Approach,
): Promise<{ user: User; old: Uint8Array }> {
  const { source, address } = approach;
  const key = usernameKey(username);
  const knownDevice = await knownDeviceOf(query, { usernameKey: key, device }, approach);
  const attempt: Try = { usernameKey: key, source, knownDevice };
  await recoveryLimits.admit(attempt);
  const user = await findUserByKey(query, key);
  const old = user?.recovery_digest ?? null;
  const isRight = isCode('recovery', recoveryCode, old);
  if (user !== undefined && old !== null && isRight) {
    await recoveryLimits.succeed(attempt);
    return { user, old };
  }
  events.loginFailed('recovery');
  const isNoted = await recoveryLimits.fail(attempt, user?.id);
  if (isNoted) await audit.note(query, { action: 'login.failed', user: user?.id, source: address });
  throw wrongCode();
}

function wrongCode(): ApiError {
  return new ApiError('auth.recovery-wrong');
}
