/** SQL that ends what messages, weeks and ids are kept for. */
import type { ConversationId } from '@sotto/api';
import type { Database } from '@sotto/runtime';
import { sql } from 'kysely';
import {
  EXPIRED_AT_ONCE,
  FIRSTS_AT_ONCE,
  MESSAGE_IDS_AT_ONCE,
  WEEK_LOCK_TIMEOUT_MS,
} from './limits.ts';
import { lowestId } from './message-age.ts';
import type { Tables } from './schema.ts';

type RetentionDatabase = Pick<Database<Tables>, 'query'>;

/**
 * Empties some messages whose time has come; how many. What another node is emptying is left to it.
 * Index: messages_expiring, then the primary key of the one partition.
 */
export async function emptyExpired({ query }: RetentionDatabase): Promise<number> {
  const { rows } = await sql`
    with due as materialized (
      select conversation, seq, sent_at from messages
      where expires_at <= now() and octet_length(recipients) > 0
      order by expires_at limit ${EXPIRED_AT_ONCE} for update skip locked
    )
    update messages m set recipients = ''
    from due
    where m.conversation = due.conversation and m.seq = due.seq and m.sent_at = due.sent_at
    returning m.seq
  `.execute(query);
  return rows.length;
}

/** Partitions whose week ended so many days ago, the oldest first, by the database's clock. */
export async function findOldWeeks({ query }: RetentionDatabase, days: number): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    select c.relname as name
    from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'messages'::regclass
      and to_date(right(c.relname, 8), 'YYYYMMDD') + 7
        <= now() at time zone 'utc' - ${days} * interval '1 day'
    order by c.relname
  `.execute(query);
  return rows.map(({ name }) => name);
}

/**
 * Raises what some conversations are readable from above what they have in a week; undefined when there are no more of
 * them, else the last one. Nothing is written to a week that is over, so it holds no newer place afterwards.
 * Index: primary keys of conversations and of the partition.
 */
export async function raiseFirsts(
  { query }: RetentionDatabase,
  week: string,
  after: string = NIL,
): Promise<ConversationId | undefined> {
  const { rows } = await sql<{ id: ConversationId; first: number | null }>`
    select c.id, newest.seq + 1 as first
    from (
      select id, first_seq from conversations where id > ${after}
      order by id limit ${FIRSTS_AT_ONCE}
    ) as c
    left join lateral (
      select seq from ${sql.id(week)} where conversation = c.id order by seq desc limit 1
    ) as newest on newest.seq >= c.first_seq
    order by c.id
  `.execute(query);
  const raised = rows.filter(({ first }) => first !== null);
  if (raised.length > 0) {
    const ids = raised.map(({ id }) => id);
    const firsts = raised.map(({ first }) => first);
    await query.transaction().execute(async (transaction) => {
      // In the order in which commits lock.
      await sql`
        select id from conversations where id = any(${ids}::uuid[]) order by id for update
      `.execute(transaction);
      await sql`
        update conversations c set first_seq = greatest(c.first_seq, r.first)
        from unnest(${ids}::uuid[], ${firsts}::bigint[]) as r (id, first)
        where c.id = r.id
      `.execute(transaction);
    });
  }
  return rows.length < FIRSTS_AT_ONCE ? undefined : rows.at(-1)?.id;
}

const NIL = '00000000-0000-0000-0000-000000000000';

/**
 * Drops a week. It waits for whoever is using the table, and all others wait for it meanwhile: not for long, rather it
 * throws, and is called again.
 */
export async function dropWeek({ query }: RetentionDatabase, week: string): Promise<void> {
  await query.transaction().execute(async (transaction) => {
    await sql`set local lock_timeout = ${sql.lit(WEEK_LOCK_TIMEOUT_MS)}`.execute(transaction);
    await sql`drop table if exists ${sql.id(week)}`.execute(transaction);
  });
}

/** Notes that ids of longer ago are not taken any more; from when on they are, in milliseconds since 1970. It never falls. */
export async function raiseIdsFrom(
  { query }: RetentionDatabase,
  rememberedMs: number,
): Promise<number> {
  const { rows } = await sql<{ ids_from: Date }>`
    update platform
    set ids_from = greatest(ids_from, now() - ${rememberedMs} * interval '1 millisecond')
    returning ids_from
  `.execute(query);
  return rows[0]?.ids_from.getTime() ?? 0;
}

/**
 * Forgets some ids that were made and stored before a moment; how many. Index: message_ids_key, since ids begin with
 * their time.
 */
export async function deleteOldIds({ query }: RetentionDatabase, before: number): Promise<number> {
  const { rows } = await sql`
    delete from message_ids i
    using (
      select id, sender_device from message_ids
      where id < ${lowestId(before)} and sent_at < ${new Date(before)}
      order by id limit ${MESSAGE_IDS_AT_ONCE} for update skip locked
    ) as old
    where i.id = old.id and i.sender_device = old.sender_device
    returning i.id
  `.execute(query);
  return rows.length;
}
