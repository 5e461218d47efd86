/** What every way of logging in ends with: a device, a session on it, tokens. */
import { ApiError, type DeviceId, type Login, type UserId } from '@sotto/api';
import { stillLetsIn } from './account-store.ts';
import type { Approach } from './approach.ts';
import { type DeviceRequest, deviceForLogin } from './devices.ts';
import { announceEnded, openSession, type SessionDeps, sessionsEnded } from './sessions.ts';
import type { AuthTransaction, EndedSession } from './store.ts';
import { type Unlisted, withRoom } from './unlisted-devices.ts';

export interface LoginRequest extends Pick<Approach, 'binding'> {
  address?: string | undefined;
  user: UserId;
  username: string;
  device: DeviceId | undefined;
  /** A key that was shown otherwise than by a proof: by the signature of a challenge. */
  shownKey?: Uint8Array;
  atLimit?: DeviceRequest['atLimit'];
  /** Devices that may give way, from before the transaction. */
  unlisted?: Unlisted;
  /** Of the password that was verified, which may have been changed in the meantime. */
  passwordHash?: string;
}

/** Logs an account in whose owner has shown who they are. Throws what `deviceForLogin` throws. */
export async function openLogin(deps: SessionDeps, request: LoginRequest): Promise<Login> {
  const who = { user: request.user, at: new Date(deps.clock()) };
  const { answer, ended } = await withRoom(deps.findUnlisted, who, (unlisted) =>
    deps.database.query.transaction().execute(async (transaction) => {
      const opened = await openLoginIn(deps, transaction, { ...request, unlisted });
      const { user, device, session } = opened.answer;
      const noted = { user, device, session, source: request.address };
      await deps.audit.note(transaction, { action: 'login.succeeded', ...noted });
      return opened;
    }),
  );
  // A device that gave way may have had no session.
  deps.outbox.nudge();
  sessionsEnded(deps, ended);
  deps.events.loggedIn(request.shownKey === undefined ? 'password' : 'device');
  return answer;
}

/** The same within a transaction of the caller's, who tells `sessionsEnded` after the commit. */
export async function openLoginIn(
  deps: SessionDeps,
  transaction: AuthTransaction,
  {
    user,
    username,
    device: wanted,
    binding,
    shownKey,
    atLimit,
    address,
    passwordHash,
    unlisted = new Set(),
  }: LoginRequest,
): Promise<{ answer: Login; ended: EndedSession[] }> {
  const at = new Date(deps.clock());
  const { device, ended, retired } = await deviceForLogin(transaction, {
    user,
    device: wanted,
    deviceKey: shownKey ?? binding?.deviceKey,
    byKeyAlone: shownKey !== undefined,
    at,
    perDay: deps.newDevicesPerDay,
    unlisted,
    atLimit,
  });
  // `deviceForLogin` has locked the account: a change of password that came first has ended all sessions but this one.
  if (!(await stillLetsIn(transaction, { user, passwordHash }))) {
    throw new ApiError('auth.credentials-wrong');
  }
  await announceEnded(transaction, ended);
  if (retired !== undefined) {
    const noted = { user, device: retired, source: address };
    await deps.audit.note(transaction, { action: 'device.retired', ...noted });
  }
  const byPassword = shownKey === undefined;
  const opened = { user, device, at, byPassword, boundTo: binding?.jkt };
  const { session, tokens } = await openSession(deps, transaction, opened);
  return { answer: { user, device, session, username, ...tokens }, ended };
}
