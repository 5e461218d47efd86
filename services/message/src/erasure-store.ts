/** SQL that removes a user who is no more (DESIGN 6). Every statement may be repeated. */
import type { ConversationId, DeviceId, UserId } from '@sotto/api';
import { type Database, enqueueEvent } from '@sotto/runtime';
import { type Kysely, sql, type Transaction } from 'kysely';
import { removeCursors, removeCursorsIn, removeSent } from './cursor-store.ts';
import { KIND_NUMBERS } from './message-kind.ts';
import type { Tables } from './schema.ts';

type Query = Kysely<Tables>;

/**
 * Within a transaction that writes of users: none of them is erased until it ends. False when one has been already, and
 * then nothing of them may be written.
 */
export async function holdUsers(
  transaction: Transaction<Tables>,
  users: readonly UserId[],
): Promise<boolean> {
  // Shared among writers and in one order, so that they wait for erasures alone, and never in a circle.
  await sql`
    select pg_advisory_xact_lock_shared(hashtextextended(current_schema || ':user:' || held.id, 0))
    from unnest(${[...users].sort()}::text[]) as held (id)
  `.execute(transaction);
  // A statement of its own: it sees whatever was committed while that one waited. Index: primary key.
  const erased = await transaction
    .selectFrom('erased_users')
    .select('user_id')
    .where('user_id', 'in', users)
    .executeTakeFirst();
  return erased === undefined;
}

/** A user who is to be erased. */
export interface Leaving {
  user: UserId;
  devices: readonly DeviceId[];
}

/**
 * Takes the user out of the directory, for good, and keeps in mind that the rest is to go. Waits for those who are just
 * writing of the user: what they write is found, and whoever comes later sees the mark ({@link holdUsers}).
 */
export async function markErased(
  transaction: Transaction<Tables>,
  { user, devices }: Leaving,
): Promise<void> {
  await sql`
    select pg_advisory_xact_lock(hashtextextended(current_schema || ':user:' || ${user}, 0))
  `.execute(transaction);
  await transaction
    .insertInto('erased_users')
    .values({ user_id: user, devices: sql`${devices}::uuid[]` })
    // The news of one user may come in parts, and a part again: what is done already is done once more.
    .onConflict((conflict) =>
      conflict.column('user_id').doUpdateSet({
        devices: sql`erased_users.devices || excluded.devices`,
        erased_at: null,
      }),
    )
    .execute();
  await transaction.deleteFrom('accounts').where('user_id', '=', user).execute();
}

/** Users of whom something may be left. Index: erased_users_waiting. */
export async function findLeaving(query: Query): Promise<Leaving[]> {
  const rows = await query
    .selectFrom('erased_users')
    .select(['user_id as user', 'devices'])
    .where('erased_at', 'is', null)
    .orderBy('deleted_at')
    .execute();
  return rows;
}

/** Every conversation that the user is or was a member of. Index: conversation_members_user. */
export async function conversationsOf(query: Query, user: UserId): Promise<ConversationId[]> {
  const rows = await query
    .selectFrom('conversation_members')
    .select('conversation')
    .where('user_id', '=', user)
    .orderBy('conversation')
    .execute();
  return rows.map(({ conversation }) => conversation);
}

/** Locks a conversation as commits do: no message is numbered before the transaction ends. Index: primary key. */
export async function lockConversation(
  transaction: Transaction<Tables>,
  conversation: ConversationId,
): Promise<{ kind: 'direct' | 'group'; last_seq: number } | undefined> {
  return transaction
    .selectFrom('conversations')
    .select(['kind', 'last_seq'])
    .where('id', '=', conversation)
    .forUpdate()
    .executeTakeFirst();
}

/** Ends a membership of a direct conversation behind its last place. The caller holds the lock. Index: primary keys. */
export async function leaveDirect(
  transaction: Transaction<Tables>,
  { conversation, user, lastSeq }: { conversation: ConversationId; user: UserId; lastSeq: number },
): Promise<void> {
  const { numUpdatedRows } = await transaction
    .updateTable('conversation_members')
    .set({ left_seq: lastSeq + 1 })
    .where('conversation', '=', conversation)
    .where('user_id', '=', user)
    .where('left_seq', 'is', null)
    .executeTakeFirst();
  if (numUpdatedRows === 0n) return;
  const { version } = await transaction
    .updateTable('conversations')
    .set({ version: sql`version + 1` })
    .where('id', '=', conversation)
    .returning('version')
    .executeTakeFirstOrThrow();
  const change = { conversation, version, joined: [], left: [user] };
  await enqueueEvent(transaction, 'events.membership.changed', change);
}

/** Whether a conversation has nobody left. Index: primary key. */
export async function isDeserted(
  transaction: Transaction<Tables>,
  conversation: ConversationId,
): Promise<boolean> {
  const left = await transaction
    .selectFrom('conversation_members')
    .select('user_id')
    .where('conversation', '=', conversation)
    .where('left_seq', 'is', null)
    .executeTakeFirst();
  return left === undefined;
}

/** Removes a conversation that has nobody left, some messages at a time. True when nothing of it remains. */
export async function removeSome(
  transaction: Transaction<Tables>,
  conversation: ConversationId,
  limit: number,
): Promise<boolean> {
  const { rows } = await sql<{ seq: number }>`
    with gone as (
      delete from messages where conversation = ${conversation} and seq in (
        select seq from messages where conversation = ${conversation} order by seq limit ${limit}
      ) returning id, sender_device, seq
    ), ids as (
      delete from message_ids using gone
      where message_ids.id = gone.id and message_ids.sender_device = gone.sender_device
    )
    select seq from gone
  `.execute(transaction);
  if (rows.length === limit) return false;
  await removeCursorsIn(transaction, conversation);
  await transaction
    .deleteFrom('conversation_members')
    .where('conversation', '=', conversation)
    .execute();
  await transaction.deleteFrom('membership_log').where('conversation', '=', conversation).execute();
  await transaction.deleteFrom('conversations').where('id', '=', conversation).execute();
  return true;
}

/** One message's ciphertexts. */
export interface PackedRow {
  seq: number;
  sent_at: Date;
  recipients: Buffer;
}

/** Messages for single devices behind a place, in order. Index: primary key. */
export async function messagesAfter(
  { query }: Pick<Database<Tables>, 'query'>,
  { conversation, after, limit }: { conversation: ConversationId; after: number; limit: number },
): Promise<PackedRow[]> {
  return query
    .selectFrom('messages')
    .select(['seq', 'sent_at', 'recipients'])
    .where('conversation', '=', conversation)
    .where('seq', '>', after)
    .where('kind', 'in', [KIND_NUMBERS.direct, KIND_NUMBERS.targeted])
    .orderBy('seq')
    .limit(limit)
    .execute();
}

/** Puts other ciphertexts in place of a message's. */
export async function replaceRecipients(
  query: Query,
  conversation: ConversationId,
  { seq, sent_at, recipients }: PackedRow,
): Promise<void> {
  await query
    .updateTable('messages')
    .set({ recipients })
    .where('conversation', '=', conversation)
    .where('seq', '=', seq)
    .where('sent_at', '=', sent_at)
    .execute();
}

/** Forgets what the user's devices were and how far they had read: the last step. */
export async function finishErasure(
  transaction: Transaction<Tables>,
  { user, devices }: Leaving,
): Promise<void> {
  await removeCursors(transaction, devices);
  await removeSent(transaction, devices);
  await transaction.deleteFrom('device_lists').where('user_id', '=', user).execute();
  await transaction.deleteFrom('push_subscriptions').where('user_id', '=', user).execute();
  // What others have reported of the user stays for its time: under an id that leads to nobody.
  await transaction.deleteFrom('reports').where('reporter', '=', user).execute();
  await transaction.deleteFrom('connections').where('user_id', '=', user).execute();
  await transaction.deleteFrom('presence').where('user_id', '=', user).execute();
  await sql`delete from blocks where blocker = ${user} or blocked = ${user}`.execute(transaction);
  await transaction
    .updateTable('erased_users')
    // Others may have come in the meantime: then there is more to do.
    .set({
      devices: sql`array(select unnest(devices) except select unnest(${devices}::uuid[]))`,
      erased_at: sql`case when devices <@ ${devices}::uuid[] then now() end`,
    })
    .where('user_id', '=', user)
    .execute();
}
