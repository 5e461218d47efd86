/** SQL over groups: their membership logs, and their members as the logs leave them (ADR 10). */
import type { ConversationId, UserId } from '@sotto/api';
import type { Member, Membership } from '@sotto/crypto/verify';
import { type Kysely, sql, type Transaction } from 'kysely';
import { roleOf } from './member-role.ts';
import type { Tables } from './schema.ts';

type Query = Kysely<Tables>;

/**
 * A group as its log leaves it; undefined when there is no such group. The digest of its title is left out: what a log
 * allows does not depend on it. Index: primary keys.
 */
export async function findMembership(
  query: Query,
  conversation: ConversationId,
): Promise<Membership | undefined> {
  const rows = await query
    .selectFrom('conversations as c')
    .leftJoin('conversation_members as m', (join) =>
      join.onRef('m.conversation', '=', 'c.id').on('m.role', 'is not', null),
    )
    .where('c.id', '=', conversation)
    .where('c.kind', '=', 'group')
    .orderBy('m.since')
    .orderBy('m.rank')
    .select(['c.version', 'c.head_hash', 'm.user_id', 'm.role', 'm.since'])
    .execute();
  const [first] = rows;
  if (first === undefined || first.head_hash === null) return undefined;
  const members = rows.flatMap(({ user_id: user, role, since }): Member[] => {
    return user === null || role === null || since === null
      ? []
      : [{ user, role: roleOf(role), since }];
  });
  const head = { version: first.version, hash: first.head_hash };
  return { conversation, head, members, titleHash: undefined };
}

/** An entry of a log, and the place that it took. */
export interface LogEntry {
  version: number;
  seq: number;
  entry: Buffer;
}

/** One entry. Index: primary key. */
export async function findEntry(
  query: Query,
  conversation: ConversationId,
  version: number,
): Promise<LogEntry | undefined> {
  return query
    .selectFrom('membership_log')
    .where('conversation', '=', conversation)
    .where('version', '=', version)
    .select(['version', 'seq', 'entry'])
    .executeTakeFirst();
}

/** What of a log a user may see. */
export interface ReadableLog {
  /** The newest version. */
  version: number;
  entries: LogEntry[];
}

/**
 * A page of a log behind a version, for a member all of it, for who has gone up to the entry by which; undefined for
 * everyone else, and for whoever was added without getting anything. Index: primary keys.
 */
export async function readLog(
  query: Query,
  { conversation, user }: { conversation: ConversationId; user: UserId },
  { after, limit }: { after: number; limit: number },
): Promise<ReadableLog | undefined> {
  const { rows } = await sql<{
    newest: number;
    version: number | null;
    seq: number;
    entry: Buffer;
  }>`
    with reader as (
      select m.conversation, coalesce(m.left_seq, c.last_seq + 1) as end_seq
      from conversation_members m join conversations c on c.id = m.conversation
      where m.conversation = ${conversation} and m.user_id = ${user} and c.kind = 'group'
        and (m.left_seq is null or m.left_seq > m.joined_seq)
    )
    select page.version, page.seq, page.entry, (
      select l.version from membership_log l
      where l.conversation = reader.conversation and l.seq < reader.end_seq
      order by l.version desc limit 1
    ) as newest
    from reader left join lateral (
      select l.version, l.seq, l.entry from membership_log l
      where l.conversation = reader.conversation and l.seq < reader.end_seq and l.version > ${after}
      order by l.version limit ${limit}
    ) as page on true
    order by page.version
  `.execute(query);
  const [first] = rows;
  if (first === undefined) return undefined;
  const entries = rows.flatMap(({ version, seq, entry }) => {
    return version === null ? [] : [{ version, seq, entry }];
  });
  return { version: first.newest, entries };
}

/**
 * Locks a group as commits do, for as long as the transaction lasts. False when its log has another head than the one
 * that was gone by. Index: primary key.
 */
export async function lockGroup(
  transaction: Transaction<Tables>,
  { head }: Membership,
  conversation: ConversationId,
): Promise<boolean> {
  const row = await transaction
    .selectFrom('conversations')
    .where('id', '=', conversation)
    .forUpdate()
    .select('version')
    .executeTakeFirst();
  return row?.version === head.version;
}

/**
 * Makes a group that its first entry is to be written of, locked like any new row. False when the id is taken; whoever is
 * just taking it is waited for. Index: primary key.
 */
export async function insertGroup(
  transaction: Transaction<Tables>,
  { head }: Membership,
  conversation: ConversationId,
): Promise<boolean> {
  const inserted = await transaction
    .insertInto('conversations')
    .values({
      id: conversation,
      kind: 'group',
      version: head.version,
      head_hash: Buffer.from(head.hash),
    })
    .onConflict((conflict) => conflict.column('id').doNothing())
    .returning('id')
    .executeTakeFirst();
  return inserted !== undefined;
}
