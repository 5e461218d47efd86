/**
 * Uses of access tokens: the first one of a generation ends the refresh token before it, ten seconds later (DESIGN 5).
 * Those at this service's own routes are seen here, those at other services they tell.
 */
import { ApiError, type Body, type SessionId } from '@sotto/api';
import type { noteTokenUses } from '@sotto/api/internal';
import { type Use, useAccessToken } from './refresh-family.ts';
import { findSessions } from './session-store.ts';
import { familyOf, hasEnded, type SessionDeps } from './sessions.ts';
import { findSession, lockSession, type Session, saveFamily } from './store.ts';

type UsesDeps = Pick<SessionDeps, 'database' | 'clock'>;

/** Notes that an access token of a generation was used here. Throws `auth.token-invalid` when its session has ended. */
export async function useSession(
  { database, clock }: UsesDeps,
  { session: id, generation }: { session: SessionId; generation: number },
): Promise<void> {
  const now = clock();
  const session = await findSession(database.query, id);
  if (session === undefined || hasEnded(session, now)) throw new ApiError('auth.token-invalid');
  await noteUse({ database }, session, { generation, now });
}

/** Takes in what another service saw. Hearing it again changes nothing, nor does what is about sessions that have ended. */
export async function takeTokenUses(
  { database, clock }: UsesDeps,
  { uses }: Body<typeof noteTokenUses>,
): Promise<void> {
  const now = clock();
  const ids = uses.map(({ session }) => session);
  const found = await findSessions(database.query, ids);
  const sessions = new Map(found.map((session) => [session.id, session]));
  // One by one: a transaction over many sessions would make their log-ins and renewals wait for each other.
  for (const { session: id, generation, ageMs } of uses) {
    const session = sessions.get(id);
    if (session === undefined || hasEnded(session, now)) continue;
    await noteUse({ database }, session, { generation, now: now - ageMs });
  }
}

async function noteUse(
  { database }: Pick<UsesDeps, 'database'>,
  session: Session,
  use: Use,
): Promise<void> {
  const family = familyOf(session);
  if (useAccessToken(family, use) === family) return;
  await database.query.transaction().execute(async (transaction) => {
    const locked = await lockSession(transaction, session.id);
    if (locked === undefined) return;
    await saveFamily(transaction, session.id, { family: useAccessToken(familyOf(locked), use) });
  });
}
