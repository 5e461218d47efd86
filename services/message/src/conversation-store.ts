/** SQL over conversations, their members and the copied device lists. */
import type { ConversationId, DeviceId, UserId } from '@sotto/api';
import type { Database } from '@sotto/runtime';
import { type Kysely, sql } from 'kysely';
import type { DeviceList, Membership, Room } from './audience.ts';
import { holdUsers } from './erasure-store.ts';
import { POSITIONS_PAGE } from './limits.ts';
import type { Tables } from './schema.ts';

type Query = Kysely<Tables>;

/** A conversation's version, its members, and who of two has blocked the other. Index: primary keys. */
export async function findRoom(
  query: Query,
  conversation: ConversationId,
): Promise<Room | undefined> {
  const rows = await query
    .selectFrom('conversations as c')
    .innerJoin('conversation_members as m', 'm.conversation', 'c.id')
    .where('c.id', '=', conversation)
    .select(['c.version', 'm.user_id', 'm.joined_seq', 'm.left_seq', BLOCKERS.as('blockers')])
    .execute();
  const [first] = rows;
  if (first === undefined) return undefined;
  const members = rows.map(({ user_id, joined_seq, left_seq }): [UserId, Membership] => {
    return [user_id, { joinedSeq: joined_seq, leftSeq: left_seq ?? undefined }];
  });
  const { version, blockers } = first;
  return { conversation, version, members: new Map(members), blockers };
}

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
 * The direct conversation of two users: found, or made with both as members. Two who make it at once get the same.
 * Undefined when one of them has been erased.
 */
export async function openDirect(
  query: Query,
  pair: readonly [low: UserId, high: UserId],
  id: ConversationId,
): Promise<ConversationId | undefined> {
  const [low, high] = pair;
  const existing = await findDirect(query, pair);
  if (existing !== undefined) return existing;
  return query.transaction().execute(async (transaction) => {
    if (!(await holdUsers(transaction, pair))) return undefined;
    const inserted = await transaction
      .insertInto('conversations')
      .values({ id, kind: 'direct', pair_low: low, pair_high: high })
      .onConflict((conflict) => conflict.constraint('conversations_pair').doNothing())
      .returning('id')
      .executeTakeFirst();
    // The other one's insert was waited for, so it is there now.
    if (inserted === undefined) return findDirect(transaction, pair);
    await transaction
      .insertInto('conversation_members')
      .values(pair.map((user_id) => ({ conversation: id, user_id, joined_seq: 1, left_seq: null })))
      .execute();
    return inserted.id;
  });
}

/** Index: conversations_pair. */
async function findDirect(
  query: Query,
  [low, high]: readonly [UserId, UserId],
): Promise<ConversationId | undefined> {
  const row = await query
    .selectFrom('conversations')
    .where('pair_low', '=', low)
    .where('pair_high', '=', high)
    .select('id')
    .executeTakeFirst();
  return row?.id;
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

/** Where one device of one member stands in a conversation. */
export interface Position {
  conversation: ConversationId;
  /** First and last place that the member may read; nothing yet when the last is below the first. */
  first: number;
  last: number;
  /** The place up to which the device has acknowledged, as far as that has been written. */
  cursor: number;
}

/** What the position queries share. A device without a cursor starts where its user joined. */
const POSITION = `
  select m.conversation, greatest(m.joined_seq, c.first_seq) as first,
    coalesce(least(c.last_seq, m.left_seq - 1), c.last_seq) as last,
    coalesce(u.seq, m.joined_seq - 1) as cursor
  from conversation_members m
  join conversations c on c.id = m.conversation
  left join cursors u on u.device = $2 and u.conversation = m.conversation
  where m.user_id = $1`;

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
  kind: 'direct';
  version: number;
  members: UserId[];
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
    select c.id as conversation, c.kind, c.version,
      greatest(m.joined_seq, c.first_seq) as first,
      coalesce(least(c.last_seq, m.left_seq - 1), c.last_seq) as last,
      coalesce(u.seq, m.joined_seq - 1) as cursor,
      array(
        select o.user_id from conversation_members o
        where o.conversation = c.id and o.left_seq is null order by o.user_id
      ) as members
    from conversation_members m
    join conversations c on c.id = m.conversation
    left join cursors u on u.device = ${device} and u.conversation = m.conversation
    where m.user_id = ${user} and m.left_seq is null and ${filter}
    order by m.conversation
    limit ${'id' in which ? 1 : which.limit}
  `.execute(query);
  return rows;
}
