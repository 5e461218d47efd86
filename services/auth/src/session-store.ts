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

/**
 * Deletes those that ran out a while ago among the next sessions after one, in the order of their ids. Gives the last one
 * that it looked at; undefined when there was none. Index: the primary key.
 */
export async function deleteDeadSessions(
  query: Query,
  { after, limit, olderThanMs }: { after?: SessionId; limit: number; olderThanMs: number },
): Promise<SessionId | undefined> {
  const { rows } = await sql<{ id: SessionId }>`
    with page as (
      select id from sessions where ${after ?? null}::uuid is null or id > ${after ?? null}
      order by id limit ${limit}
    ), dead as (
      delete from sessions using page where sessions.id = page.id
        and sessions.expires_at < clock_timestamp() - make_interval(secs => ${olderThanMs / 1000})
    )
    select id from page order by id desc limit 1
  `.execute(query);
  return rows[0]?.id;
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
    returning id, device_id, ended_at
  `.execute(transaction);
  return rows;
}
