/** Changing what an account proves itself with, by whoever knows the password. */
import { type Answer, ApiError, type renewRecoveryCode } from '@sotto/api';
import { setPassword, setRecoveryDigest, stillLetsIn } from './account-store.ts';
import { checkPassword } from './credential-rules.ts';
import { requirePasswordOfAll } from './device-store.ts';
import {
  type Confirmation,
  type ConfirmationDeps,
  confirmPassword,
  whoOf,
} from './password-confirmation.ts';
import { codeDigest, makeCode } from './secret-code.ts';
import { endSessionsOfUser } from './session-store.ts';
import { announceEnded, sessionsEnded } from './sessions.ts';
import { type AuthTransaction, lockUser, type User } from './store.ts';

/**
 * Sets a new password; every session but the caller's ends, and other devices come back by the new password only. Throws `auth.password-rule`, and what `confirmPassword`
 * does.
 */
export async function changePassword(
  deps: ConfirmationDeps,
  confirmation: Confirmation,
  newPassword: string,
): Promise<void> {
  checkPassword(newPassword, { field: 'newPassword' });
  const user = await confirmPassword(deps, confirmation);
  checkPassword(newPassword, { username: user.username, field: 'newPassword' });
  const passwordHash = await deps.passwords.hash(newPassword);
  const { caller, address } = confirmation;
  const ended = await deps.database.query.transaction().execute(async (transaction) => {
    // A log-in with the old password that is under way comes before all of this, or finds the password changed.
    await lockConfirmed(transaction, user);
    await setPassword(transaction, user.id, passwordHash);
    const sessions = await endSessionsOfUser(transaction, {
      user: user.id,
      except: caller.session,
    });
    await requirePasswordOfAll(transaction, { user: user.id, except: caller.device });
    await announceEnded(transaction, sessions);
    const noted = { ...whoOf(caller), source: address };
    await deps.audit.note(transaction, { action: 'password.changed', ...noted });
    return sessions;
  });
  sessionsEnded(deps, ended);
}

/** A new recovery code, shown this once; the old one works no more. Throws what `confirmPassword` does. */
export async function renewCode(
  deps: ConfirmationDeps,
  confirmation: Confirmation,
): Promise<Answer<typeof renewRecoveryCode>> {
  const user = await confirmPassword(deps, confirmation);
  const recoveryCode = makeCode();
  const { caller, address } = confirmation;
  await deps.database.query.transaction().execute(async (transaction) => {
    await lockConfirmed(transaction, user);
    await setRecoveryDigest(transaction, user.id, codeDigest('recovery', recoveryCode));
    const noted = { ...whoOf(caller), source: address };
    await deps.audit.note(transaction, { action: 'recovery-code.renewed', ...noted });
  });
  return { recoveryCode };
}

/** Whoever gave a password that another request has changed since gave a wrong one. */
async function lockConfirmed(
  transaction: AuthTransaction,
  { id: user, password_hash: passwordHash }: User,
): Promise<void> {
  await lockUser(transaction, user);
  if (await stillLetsIn(transaction, { user, passwordHash })) return;
  throw new ApiError('auth.credentials-wrong');
}
