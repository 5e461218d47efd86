/** Writes one entry of a membership log: it takes a place like a message, and changes the members (ADR 10). */
import { randomUUID } from 'node:crypto';
import { type Address, type ConversationId, MessageId, type UserId } from '@sotto/api';
import type { Member } from '@sotto/crypto/verify';
import { enqueueEvent } from '@sotto/runtime';
import { sql, type Transaction } from 'kysely';
import { findStrangers } from './acquaintance-store.ts';
import type { Commit } from './batch-commit.ts';
import { findBlockers } from './block-store.ts';
import { findRoom } from './conversation-store.ts';
import { ROLE_NUMBERS } from './member-role.ts';
import { differenceOf, type MembershipStep } from './membership-step.ts';
import { KIND_NUMBERS } from './message-kind.ts';
import type { Tables } from './schema.ts';
import { NO_DEVICE, NO_USER, type StoredMessage } from './stored-message.ts';

type Writing = Transaction<Tables>;

export interface MembershipWrite {
  readonly step: MembershipStep;
  /** Who made the entry; undefined when the platform did, for an account that is no more. */
  readonly author: Address | undefined;
  /** With a `rename`. */
  readonly title?: Uint8Array | undefined;
}

/**
 * Writes an entry that follows on the newest, and what it does. The caller holds the lock of the conversation, and the
 * users who come in (`holdUsers`). Once the transaction has committed, the commit is to be delivered and published, the
 * conversation's audience to be forgotten, and the outbox to be nudged.
 */
export async function writeEntry(transaction: Writing, write: MembershipWrite): Promise<Commit> {
  const { conversation, entry } = write.step;
  const id = MessageId.parse(randomUUID());
  const sender = { user: write.author?.user ?? NO_USER, device: NO_DEVICE };
  const place = await takePlace(transaction, write, { id, user: sender.user });
  await changeMembers(transaction, write, place.seq);
  if (write.author !== undefined) await noteAudit(transaction, write.author);
  const room = await findRoom(transaction, conversation);
  if (room === undefined) throw new Error('a conversation that is locked is not there');
  const { seq, outbox, event_id: eventId } = place;
  const sentAt = place.sent_at.toISOString();
  const packed = Buffer.from(entry);
  const message: StoredMessage = {
    ...{ conversation, seq, id, kind: 'membership', sender, sentAt, packed },
  };
  return { outbox, eventId, groups: [{ room, messages: [message] }] };
}

interface Place {
  seq: number;
  sent_at: Date;
  outbox: number;
  event_id: string;
}

/** Numbers the entry from the conversation's counter, as commits number messages. Index: primary key. */
async function takePlace(
  transaction: Writing,
  { step, title }: MembershipWrite,
  { id, user }: { id: MessageId; user: UserId },
): Promise<Place> {
  const { conversation, entry, after } = step;
  const { version, hash } = after.head;
  const { rows } = await sql<Place>`
    with place as (
      update conversations
      set version = ${version}, head_hash = ${hash}, title = coalesce(${title ?? null}::bytea, title),
        last_seq = last_seq + 1
      where id = ${conversation}
      returning last_seq as seq, date_trunc('milliseconds', clock_timestamp()) as sent_at
    ),
    logged as (
      insert into membership_log (conversation, version, seq, entry)
      select ${conversation}, ${version}, seq, ${entry} from place
    ),
    slot as (
      insert into messages
        (conversation, seq, sent_at, id, kind, sender_user, sender_device, recipients)
      select ${conversation}, seq, sent_at, ${id}, ${KIND_NUMBERS.membership}, ${user},
        ${NO_DEVICE}, ${entry}
      from place
    ),
    queued as (
      insert into fanout_outbox (conversations, firsts, lasts)
      select array[${conversation}::uuid], array[seq], array[seq] from place
      returning id, event_id
    )
    select place.seq, place.sent_at, queued.id as outbox, queued.event_id from place, queued
  `.execute(transaction);
  const [place] = rows;
  if (place === undefined) throw new Error('a conversation that is locked is not there');
  return place;
}

/** Index: primary keys. */
async function changeMembers(
  transaction: Writing,
  { step, author }: MembershipWrite,
  seq: number,
): Promise<void> {
  const { conversation } = step;
  const { joined, left, changed } = differenceOf(step);
  if (left.length > 0) await removeMembers(transaction, { conversation, left, seq });
  if (changed.length > 0) await changeRoles(transaction, conversation, changed);
  const heard =
    joined.length > 0 ? await addMembers(transaction, { step, joined, author }, seq) : [];
  if (heard.length + left.length === 0) return;
  const { version } = step.after.head;
  const change = { conversation, version, joined: [...heard], left: [...left] };
  await enqueueEvent(transaction, 'events.membership.changed', change);
}

/** Who goes sees the entry by which, and nothing above it. Who received nothing goes on to receive nothing. */
async function removeMembers(
  transaction: Writing,
  {
    conversation,
    left,
    seq,
  }: { conversation: ConversationId; left: readonly UserId[]; seq: number },
): Promise<void> {
  await sql`
    update conversation_members
    set role = null, since = null, rank = null, left_seq = coalesce(left_seq, ${seq + 1})
    where conversation = ${conversation} and user_id = any(${left}::uuid[])
  `.execute(transaction);
}

async function changeRoles(
  transaction: Writing,
  conversation: ConversationId,
  changed: readonly Member[],
): Promise<void> {
  await sql`
    update conversation_members m set role = c.role
    from unnest(
      ${changed.map(({ user }) => user)}::uuid[],
      ${changed.map(({ role }) => ROLE_NUMBERS[role])}::smallint[]
    ) as c (user_id, role)
    where m.conversation = ${conversation} and m.user_id = c.user_id
  `.execute(transaction);
}

interface Joining extends Pick<MembershipWrite, 'step' | 'author'> {
  joined: readonly Member[];
}

/**
 * Who comes sees the entry by which, and nothing below it; who has blocked the one who adds them gets nothing at all, and
 * who does not know them is asked. Gives those who get something.
 */
async function addMembers(
  transaction: Writing,
  { step, joined, author }: Joining,
  seq: number,
): Promise<readonly UserId[]> {
  const users = joined.map(({ user }) => user as UserId);
  const host = author?.user ?? NO_USER;
  const others = users.filter((user) => user !== host);
  const deaf = await findBlockers(transaction, host, others);
  const strangers = await findStrangers(transaction, host, others);
  await sql`
    insert into conversation_members
      (conversation, user_id, joined_seq, left_seq, role, since, rank, requested)
    select ${step.conversation}, user_id, ${seq}, case when deaf then ${seq}::bigint end, role,
      ${step.after.head.version}, rank - 1, stranger
    from unnest(
      ${users}::uuid[],
      ${joined.map(({ role }) => ROLE_NUMBERS[role])}::smallint[],
      ${users.map((user) => deaf.has(user))}::boolean[],
      ${users.map((user) => strangers.has(user))}::boolean[]
    ) with ordinality as j (user_id, role, deaf, stranger, rank)
    on conflict (conversation, user_id) do update
    set joined_seq = excluded.joined_seq, left_seq = excluded.left_seq, role = excluded.role,
      since = excluded.since, rank = excluded.rank, requested = excluded.requested
  `.execute(transaction);
  return users.filter((user) => !deaf.has(user));
}

async function noteAudit(transaction: Writing, { user, device }: Address): Promise<void> {
  const at = new Date().toISOString();
  const entry = { at, action: 'groups.changed', user, device } as const;
  await enqueueEvent(transaction, 'events.audit.noted', { id: randomUUID(), entries: [entry] });
}
