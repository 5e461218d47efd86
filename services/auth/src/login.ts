/** What every way of logging in ends with: a device, a session on it, tokens. */
import type { DeviceId, Login, UserId } from '@sotto/api';
import type { Approach } from './approach.ts';
import { type DeviceRequest, deviceForLogin } from './devices.ts';
import { announceEnded, openSession, type SessionDeps, sessionsEnded } from './sessions.ts';
import type { AuthTransaction, EndedSession } from './store.ts';

export interface LoginRequest extends Pick<Approach, 'binding'> {
  user: UserId;
  username: string;
  device: DeviceId | undefined;
  /** A key that was shown otherwise than by a proof: by the signature of a challenge. */
  shownKey?: Uint8Array;
  atLimit?: DeviceRequest['atLimit'];
}

/** Logs an account in whose owner has shown who they are. Throws what `deviceForLogin` throws. */
export async function openLogin(deps: SessionDeps, request: LoginRequest): Promise<Login> {
  const { answer, ended } = await deps.database.query
    .transaction()
    .execute((transaction) => openLoginIn(deps, transaction, request));
  sessionsEnded(deps, ended);
  deps.events.loggedIn();
  return answer;
}

/** The same within a transaction of the caller's, who tells `sessionsEnded` after the commit. */
export async function openLoginIn(
  deps: SessionDeps,
  transaction: AuthTransaction,
  { user, username, device: wanted, binding, shownKey, atLimit }: LoginRequest,
): Promise<{ answer: Login; ended: EndedSession[] }> {
  const at = new Date(deps.clock());
  const { device, ended } = await deviceForLogin(transaction, {
    user,
    device: wanted,
    deviceKey: shownKey ?? binding?.deviceKey,
    at,
    atLimit,
  });
  await announceEnded(transaction, ended);
  const opened = { user, device, at, boundTo: binding?.jkt };
  const { session, tokens } = await openSession(deps, transaction, opened);
  return { answer: { user, device, session, username, ...tokens }, ended };
}
