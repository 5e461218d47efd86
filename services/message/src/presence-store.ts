/** SQL over who is there, and who may see it. */
import type { Presence, UserId } from '@sotto/api';
import { sql } from 'kysely';
import { type ConnectionDatabase, coarse, interval } from './connection-store.ts';
import { holdUsers } from './erasure-store.ts';
import { ANNOUNCED_MS, NODE_DEAD_MS } from './limits.ts';

/** Somebody who would see, and who would be seen. */
export interface Sight {
  readonly viewer: UserId;
  readonly other: UserId;
}

/**
 * Which of some pairs may see each other, by their places in the list: they share a conversation that both have accepted,
 * neither has blocked the other, and both show themselves. Index: conversation_members_user, then primary keys.
 */
export async function findSights(
  { query }: ConnectionDatabase,
  sights: readonly Sight[],
): Promise<Set<number>> {
  if (sights.length === 0) return new Set();
  const viewers = sights.map(({ viewer }) => viewer);
  const others = sights.map(({ other }) => other);
  const { rows } = await sql<{ place: number }>`
    select s.place - 1 as place
    from unnest(${viewers}::uuid[], ${others}::uuid[]) with ordinality as s (viewer, other, place)
    where s.viewer <> s.other
      and exists (
        select from conversation_members mine
        join conversation_members theirs
          on theirs.conversation = mine.conversation and theirs.user_id = s.other
        where mine.user_id = s.viewer
          and mine.left_seq is null and theirs.left_seq is null
          and not mine.requested and not theirs.requested
      )
      and not exists (select from blocks b where b.blocker = s.viewer and b.blocked = s.other)
      and not exists (select from blocks b where b.blocker = s.other and b.blocked = s.viewer)
      and not exists (
        select from presence p where p.user_id in (s.viewer, s.other) and not p.visible
      )
  `.execute(query);
  return new Set(rows.map(({ place }) => place));
}

/** How users are, whoever may see it. Index: primary keys, connections_user. */
export async function findPresences(
  { query }: ConnectionDatabase,
  users: readonly UserId[],
): Promise<Map<UserId, Presence>> {
  if (users.length === 0) return new Map();
  const lastSeen = sql`greatest(p.last_seen, p.announced_at, c.seen_at)`;
  const { rows } = await sql<{ user_id: UserId; online: boolean; last_seen: Date | null }>`
    select u.user_id,
      coalesce(c.lives, false)
        or coalesce(p.announced_at > now() - ${interval(ANNOUNCED_MS)}, false) as online,
      ${coarse(lastSeen)} as last_seen
    from unnest(${users}::uuid[]) as u (user_id)
    left join presence p on p.user_id = u.user_id
    left join lateral (
      select bool_or(n.seen_at > now() - ${interval(NODE_DEAD_MS)}) as lives,
        max(n.seen_at) as seen_at
      from connections own join nodes n on n.node = own.node
      where own.user_id = u.user_id
    ) c on true
  `.execute(query);
  return new Map(
    rows.map(({ user_id, online, last_seen }) => {
      const lastSeen = last_seen?.toISOString();
      return [user_id, online || lastSeen === undefined ? { online } : { online, lastSeen }];
    }),
  );
}

/**
 * Notes that users are there without a socket, unless they hide it or have been erased. Returns those of whom that is
 * news. Index: primary keys.
 */
export async function writeAnnouncements(
  { query }: ConnectionDatabase,
  users: readonly UserId[],
): Promise<UserId[]> {
  const { rows } = await sql<{ user_id: UserId }>`
    with before as (
      select user_id from presence
      where user_id = any(${users}::uuid[]) and announced_at > now() - ${interval(ANNOUNCED_MS)}
    ), written as (
      insert into presence (user_id, announced_at)
      select u.user_id, now() from unnest(${users}::uuid[]) as u (user_id)
      where not exists (select from erased_users e where e.user_id = u.user_id)
      order by u.user_id
      on conflict (user_id) do update set announced_at = excluded.announced_at
        where presence.visible
      returning user_id
    )
    select user_id from written where user_id not in (select user_id from before)
  `.execute(query);
  return rows.map(({ user_id }) => user_id);
}

/** Shows or hides a user. When they were here is forgotten with the second. Index: primary key. */
export async function writeVisible(
  { query }: ConnectionDatabase,
  user: UserId,
  visible: boolean,
): Promise<void> {
  await query.transaction().execute(async (transaction) => {
    if (!(await holdUsers(transaction, [user]))) return;
    await transaction
      .insertInto('presence')
      .values({ user_id: user, visible })
      .onConflict((conflict) =>
        conflict.column('user_id').doUpdateSet({
          visible,
          ...(!visible && { last_seen: null, announced_at: null }),
        }),
      )
      .execute();
  });
}
