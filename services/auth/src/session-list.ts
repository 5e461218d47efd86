/** What the owner of an account sees of its sessions, and how they end them. */
import { ApiError, type Session as ListedSession, type SessionId } from '@sotto/api';
import type { Caller, Connection } from '@sotto/runtime';
import { requirePassword, requirePasswordOfAll } from './device-store.ts';
import { activeSessions, endSessionsOfUser } from './session-store.ts';
import { announceEnded, type SessionDeps, sessionsEnded } from './sessions.ts';
import {
  type AuthTransaction,
  type EndedSession,
  endSession,
  findSession,
  lockUser,
} from './store.ts';

/** Who acts, and from where. */
export interface Actor {
  caller: Pick<Caller, 'user' | 'device' | 'session'>;
  address: string | undefined;
}

/** Who makes a call. */
export function actorOf({
  caller,
  connection,
}: {
  caller: Actor['caller'];
  connection: Connection | undefined;
}): Actor {
  return { caller, address: connection?.remoteAddress };
}

/** The account's sessions that go on, the newest first. */
export async function sessionsOf(
  { database, clock }: Pick<SessionDeps, 'database' | 'clock'>,
  { user, session: current }: Actor['caller'],
): Promise<ListedSession[]> {
  const sessions = await activeSessions(database.query, { user, at: new Date(clock()) });
  return sessions.map((session) => ({
    session: session.id,
    device: session.device_id,
    createdAt: session.created_at.toISOString(),
    renewedAt: session.renewed_at.toISOString(),
    bound: session.bound_to !== null,
    current: session.id === current,
  }));
}

/**
 * Ends one session of the account, everywhere within seconds. When it is another device's, that one's key opens no other
 * until a password was given on it. Ending it again does nothing. Throws `auth.session-unknown` for a session that is
 * not the account's.
 */
export async function endOne(deps: SessionDeps, actor: Actor, id: SessionId): Promise<void> {
  const session = await findSession(deps.database.query, id);
  if (session?.user_id !== actor.caller.user) throw new ApiError('auth.session-unknown');
  const { device_id: device } = session;
  await end(deps, actor, async (transaction) => {
    const ended = await endSession(transaction, id);
    const isOther = device !== actor.caller.device;
    if (isOther && ended.length > 0) await requirePassword(transaction, device);
    return ended;
  });
}

/** Ends all sessions of the account, the caller's own too. All other devices need a password to come back. */
export async function endAll(deps: SessionDeps, actor: Actor): Promise<void> {
  const { user, device: except } = actor.caller;
  await end(deps, actor, async (transaction) => {
    const ended = await endSessionsOfUser(transaction, { user });
    await requirePasswordOfAll(transaction, { user, except });
    return ended;
  });
}

async function end(
  deps: SessionDeps,
  { caller, address }: Actor,
  work: (transaction: AuthTransaction) => Promise<EndedSession[]>,
): Promise<void> {
  const ended = await deps.database.query.transaction().execute(async (transaction) => {
    // A log-in that is under way comes before all of this, or finds that its key does not do any more.
    await lockUser(transaction, caller.user);
    const sessions = await work(transaction);
    await announceEnded(transaction, sessions);
    for (const { id: session } of sessions) {
      const noted = { user: caller.user, session, source: address };
      await deps.audit.note(transaction, { action: 'session.ended', ...noted });
    }
    return sessions;
  });
  sessionsEnded(deps, ended);
}
