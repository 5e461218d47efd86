/** SQL on the sessions of an account as a whole. */
import type { SessionId, UserId } from '@sotto/api';
import { sql } from 'kysely';
import type { AuthTransaction, EndedSession, Query, Session } from './store.ts';

/** The sessions that have neither ended nor run out, the newest first. Index: sessions_active. */
export function activeSessions(
  query: Query,
  { user, at }: { user: UserId; at: Date },
): Promise<Session[]> {
  return query
    .selectFrom('sessions')
    .selectAll()
    .where('user_id', '=', user)
    .where('ended_at', 'is', null)
    .where('expires_at', '>', at)
    .orderBy('created_at', 'desc')
    .orderBy('id')
    .execute();
}

/** Sessions by their ids, in no order. */
export function findSessions(query: Query, ids: readonly SessionId[]): Promise<Session[]> {
  return query.selectFrom('sessions').selectAll().where('id', 'in', ids).execute();
}

/** Ends all sessions of an account, but one if it is named. Index: sessions_active. */
export async function endSessionsOfUser(
  transaction: AuthTransaction,
  { user, except }: { user: UserId; except?: SessionId },
): Promise<EndedSession[]> {
  const { rows } = await sql<EndedSession>`
    update sessions set ended_at = clock_timestamp()
    where user_id = ${user} and ended_at is null
      and (${except ?? null}::uuid is null or id <> ${except ?? null})
    returning id, ended_at
  `.execute(transaction);
  return rows;
}
