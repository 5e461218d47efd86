/** SQL over conversations, their members and the copied device lists. */
import type { ConversationId, DeviceId, UserId } from '@sotto/api';
import { type Database, enqueueEvent } from '@sotto/runtime';
import { type Kysely, sql } from 'kysely';
import { findStrangers } from './acquaintance-store.ts';
import type { DeviceList, Membership, Room } from './audience.ts';
import { holdUsers } from './erasure-store.ts';
import { FORMER_MEMBER_PLACES, POSITIONS_PAGE, ROOM_MEMBERS_MAX } from './limits.ts';
import { ROLE_NUMBERS } from './member-role.ts';
import type { Tables } from './schema.ts';

type Query = Kysely<Tables>;

/**
 * A conversation's version, its members with those who left lately, and who of two has blocked the other. The count of
 * list changes is of the same moment, so device lists that are read afterwards are no older. Index: primary keys.
 */
export async function findRoom(
  query: Query,
  conversation: ConversationId,
): Promise<Room | undefined> {
  const rows = await query
    .selectFrom('conversations as c')
    .innerJoin('conversation_members as m', 'm.conversation', 'c.id')
    .where('c.id', '=', conversation)
    .innerJoin('platform as p', (join) => join.onTrue())
    .select(['c.kind', 'c.version', 'p.list_changes', BLOCKERS.as('blockers')])
    .select(['m.user_id', 'm.joined_seq', 'm.left_seq', 'm.role'])
    .where(sql<boolean>`(${IS_IN} or m.left_seq > c.last_seq - ${FORMER_MEMBER_PLACES}::int)`)
    .orderBy(sql`${IS_IN} desc, m.left_seq desc`)
    .limit(ROOM_MEMBERS_MAX)
    .execute();
  const [first] = rows;
  if (first === undefined) return undefined;
  const members = rows.map(({ user_id, joined_seq, left_seq, role }): [UserId, Membership] => {
    const leftSeq = left_seq ?? undefined;
    const isIn = role !== null || leftSeq === undefined;
    return [user_id, { joinedSeq: joined_seq, leftSeq, isIn }];
  });
  const { kind, version, blockers, list_changes: listChanges } = first;
  return { conversation, kind, version, members: new Map(members), blockers, listChanges };
}

const IS_IN = sql`(m.role is not null or m.left_seq is null)`;

/** In the same statement as the version, which a block changes. A group has no pair. */
const BLOCKERS = sql<UserId[]>`array(
  select b.blocker from blocks b
  where (b.blocker = c.pair_low and b.blocked = c.pair_high)
    or (b.blocker = c.pair_high and b.blocked = c.pair_low)
)`;

/** The copied device lists of users; those not heard of are missing. Index: primary key. */
export async function findDeviceLists(
  query: Query,
  users: readonly UserId[],
): Promise<Map<UserId, DeviceList>> {
  if (users.length === 0) return new Map();
  const rows = await query
    .selectFrom('device_lists')
    .where('user_id', 'in', users)
    .select(['user_id', 'version', 'devices'])
    .execute();
  return new Map(
    rows.map(({ user_id, version, devices }) => [user_id, { user: user_id, version, devices }]),
  );
}

/**
 * The direct conversation of two users: found, or made with both as members, the second of whom is asked whether to accept
 * it when the first is a stranger. Two who make it at once get the same. Nudge the outbox. Undefined when one of them has
 * been erased.
 */
export async function openDirect(
  query: Query,
  pair: readonly [host: UserId, other: UserId],
  id: ConversationId,
): Promise<ConversationId | undefined> {
  const [host, other] = pair;
  const existing = await findDirect(query, pair);
  if (existing !== undefined) return existing;
  return query.transaction().execute(async (transaction) => {
    if (!(await holdUsers(transaction, pair))) return undefined;
    const inserted = await transaction
      .insertInto('conversations')
      .values({ id, kind: 'direct', ...pairOf(pair) })
      .onConflict((conflict) => conflict.constraint('conversations_pair').doNothing())
      .returning('id')
      .executeTakeFirst();
    // The other one's insert was waited for, so it is there now.
    if (inserted === undefined) return findDirect(transaction, pair);
    const strangers = await findStrangers(transaction, host, [other]);
    await transaction
      .insertInto('conversation_members')
      .values(
        pair.map((user_id) => {
          return { conversation: id, user_id, joined_seq: 1, requested: strangers.has(user_id) };
        }),
      )
      .execute();
    const change = { conversation: id, version: 1, joined: [...pair], left: [] };
    await enqueueEvent(transaction, 'events.membership.changed', change);
    return inserted.id;
  });
}

/** Index: conversations_pair. */
async function findDirect(
  query: Query,
  pair: readonly [UserId, UserId],
): Promise<ConversationId | undefined> {
  const { pair_low, pair_high } = pairOf(pair);
  const row = await query
    .selectFrom('conversations')
    .where('pair_low', '=', pair_low)
    .where('pair_high', '=', pair_high)
    .select('id')
    .executeTakeFirst();
  return row?.id;
}

/** The same whoever opens it, as `conversations_pair` wants it. */
function pairOf([one, other]: readonly [UserId, UserId]) {
  return one < other ? { pair_low: one, pair_high: other } : { pair_low: other, pair_high: one };
}

/** Whether a user is a member now. Index: primary key. */
export async function isMember(
  query: Query,
  conversation: ConversationId,
  user: UserId,
): Promise<boolean> {
  const row = await query
    .selectFrom('conversation_members')
    .where('conversation', '=', conversation)
    .where('user_id', '=', user)
    .where('left_seq', 'is', null)
    .select('user_id')
    .executeTakeFirst();
  return row !== undefined;
}

/** How many members a conversation has now; none when it is not there. Index: primary key. */
export async function countMembers(query: Query, conversation: ConversationId): Promise<number> {
  const { count } = await query
    .selectFrom('conversation_members')
    .where('conversation', '=', conversation)
    .where('left_seq', 'is', null)
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow();
  return Number(count);
}

/** Where one device of one member stands in a conversation. */
export interface Position {
  conversation: ConversationId;
  /** First and last place that the member may read; nothing yet when the last is below the first. */
  first: number;
  last: number;
  /** Where the member came in, the last time. */
  joined: number;
  /** The place up to which the device has acknowledged, as far as that has been written. */
  cursor: number;
}

/**
 * What the position queries share. A device without a cursor starts where its user joined, and one with a cursor of before
 * the user came back too. Whoever was added without getting anything is a stranger.
 */
const POSITION = `
  select m.conversation, m.joined_seq as joined, greatest(m.joined_seq, c.first_seq) as first,
    coalesce(least(c.last_seq, m.left_seq - 1), c.last_seq) as last,
    greatest(u.seq, m.joined_seq - 1) as cursor
  from conversation_members m
  join conversations c on c.id = m.conversation
  left join cursors u on u.device = $2 and u.conversation = m.conversation
  where m.user_id = $1 and (m.left_seq is null or m.left_seq > m.joined_seq)`;

type Pool = Pick<Database<Tables>, 'pool'>;

interface Who {
  user: UserId;
  device: DeviceId;
}

/** Where a device stands in one conversation; undefined for a stranger. Index: primary keys. */
export async function findPosition(
  { pool }: Pool,
  { user, device }: Who,
  conversation: ConversationId,
): Promise<Position | undefined> {
  const { rows } = await pool.query<Position>({
    name: 'find-position',
    text: `${POSITION} and m.conversation = $3`,
    values: [user, device, conversation],
  });
  return rows[0];
}

/**
 * Conversations that hold places above a device's cursor, by id: a page of those after one id.
 * Index: conversation_members_user, then primary keys.
 */
export async function findBehind(
  { pool }: Pool,
  { user, device }: Who,
  after: ConversationId | undefined,
): Promise<Position[]> {
  const { rows } = await pool.query<Position>({
    name: 'find-behind',
    text: `select * from (${POSITION} and m.conversation > $3) as positions
      where last > cursor order by conversation limit ${POSITIONS_PAGE}`,
    values: [user, device, after ?? NIL],
  });
  return rows;
}

const NIL = '00000000-0000-0000-0000-000000000000';

/** A conversation as its members see it, but for the cursors that are still in memory. */
export interface ConversationRow extends Position {
  kind: 'direct' | 'group';
  version: number;
  members: UserId[];
  /** Empty for a direct conversation. */
  admins: UserId[];
  title: Buffer | null;
  requested: boolean;
  /** Null when that moment has come. */
  muted_until: Date | null;
}

/** A page of a user's conversations by id, or one. Index: conversation_members_user, then primary keys. */
export async function findConversations(
  { query }: Pick<Database<Tables>, 'query'>,
  { user, device }: Who,
  which: { id: ConversationId } | { after: ConversationId | undefined; limit: number },
): Promise<ConversationRow[]> {
  const filter =
    'id' in which
      ? sql`m.conversation = ${which.id}`
      : sql`m.conversation > ${which.after ?? NIL}::uuid`;
  const { rows } = await sql<ConversationRow>`
    select c.id as conversation, c.kind, c.version, m.joined_seq as joined,
      greatest(m.joined_seq, c.first_seq) as first,
      coalesce(least(c.last_seq, m.left_seq - 1), c.last_seq) as last,
      greatest(u.seq, m.joined_seq - 1) as cursor, c.title, m.requested,
      case when m.muted_until > now() then m.muted_until end as muted_until,
      array(
        select o.user_id from conversation_members o
        where o.conversation = c.id and (o.role is not null or o.left_seq is null)
        order by o.user_id
      ) as members,
      array(
        select o.user_id from conversation_members o
        where o.conversation = c.id and o.role = ${ROLE_NUMBERS.admin} order by o.user_id
      ) as admins
    from conversation_members m
    join conversations c on c.id = m.conversation
    left join cursors u on u.device = ${device} and u.conversation = m.conversation
    where m.user_id = ${user} and m.left_seq is null and ${filter}
    order by m.conversation
    limit ${'id' in which ? 1 : which.limit}
  `.execute(query);
  return rows;
}
