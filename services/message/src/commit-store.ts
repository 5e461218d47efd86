/** The statements of one committed batch (DESIGN 2.2), sent over a pipelined connection. */
import type { Address, ConversationId, DeviceId, MessageId } from '@sotto/api';
import type { Pipeline, Statement } from '@sotto/runtime';
import { LOCK_TIMEOUT_MS } from './limits.ts';
import { KIND_NUMBERS, type MessageKind } from './message-kind.ts';

/** A conversation of a batch, with the versions that its sends were checked against. */
export interface CommitRoom {
  readonly conversation: ConversationId;
  readonly version: number;
  /** The sum of the versions of its members' device lists, and the count of list changes at which it was true. */
  readonly versionSum: number;
  readonly listChanges: number;
}

/** A message of a batch. */
export interface CommitMessage {
  /** Position of its conversation in the batch's rooms. */
  readonly room: number;
  readonly id: MessageId;
  readonly sender: Address;
  readonly kind: MessageKind;
  readonly digest: Buffer;
  readonly packed: Buffer;
  /** In milliseconds since 1970. */
  readonly expiresAt: number | undefined;
}

/** What was written, in one row: one for each message would cost both sides a good part of the transaction. */
export interface WrittenRow {
  /** Positions in the batch, in no order. Messages whose room was out of date are missing. */
  places: number[];
  /** The place that each of them got in its conversation. */
  seqs: number[];
  sent_at: Date;
  /** The batch's row in the outbox, and its id on the bus. */
  outbox: number;
  event_id: string;
  /** The count of list changes at which the lists were compared. */
  list_changes: number;
}

/** What an id was used for. */
export interface KnownRow {
  /** Position among the ids that were asked for. */
  place: number;
  conversation: ConversationId;
  seq: number;
  sent_at: Date;
  sha256: Buffer;
}

/**
 * For each new connection. Statements are prepared once and planned once, also when the tables were still empty: a plan
 * made then would scan them for ever, hence `enable_seqscan`.
 */
export const CONNECTION_SETTINGS: Statement = {
  text: `set lock_timeout = ${LOCK_TIMEOUT_MS};
    set plan_cache_mode = force_generic_plan;
    set enable_seqscan = off`,
};

export const BEGIN: Statement = { text: 'begin' };
export const COMMIT: Statement = { text: 'commit' };
export const ROLLBACK: Statement = { text: 'rollback' };

/**
 * Locks the counters in the order of their ids: the only order in which two batches never wait for each other. They are
 * counted where they are, so that no row comes back for each.
 */
export function lockRooms(rooms: readonly CommitRoom[]): Statement {
  return {
    name: 'lock-rooms',
    text: `select count(*) from (
      select from conversations where id = any($1::uuid[]) order by id for update
    ) as locked`,
    values: [textArray(rooms.map((room) => room.conversation))],
  };
}

/**
 * Writes the messages of the rooms whose versions still hold. Its snapshot is newer than the locks, so it numbers from
 * the counters as the last batch left them. Answers no row when it wrote nothing. Breaks `message_ids_key` when an id was
 * used before.
 */
export function writeMessages(
  rooms: readonly CommitRoom[],
  messages: readonly CommitMessage[],
): Statement {
  const offsets: number[] = [];
  let offset = 1;
  for (const { packed } of messages) {
    offsets.push(offset);
    offset += packed.length;
  }
  return {
    name: 'write-messages',
    text: WRITE_MESSAGES,
    values: [
      textArray(rooms.map((room) => room.conversation)),
      textArray(rooms.map((room) => room.versionSum)),
      textArray(rooms.map((room) => room.listChanges)),
      textArray(messages.map((message) => rooms[message.room]?.conversation ?? '')),
      textArray(messages.map((message) => rooms[message.room]?.version ?? 0)),
      textArray(messages.map((message) => message.id)),
      textArray(messages.map((message) => message.sender.user)),
      textArray(messages.map((message) => message.sender.device)),
      textArray(messages.map((message) => KIND_NUMBERS[message.kind])),
      textArray(offsets),
      textArray(messages.map((message) => message.packed.length)),
      textArray(messages.map((message) => message.expiresAt ?? 'null')),
      // One binary value each: an array of bytea would travel as hexadecimal text.
      Buffer.concat(messages.map((message) => message.digest)),
      Buffer.concat(messages.map((message) => message.packed)),
    ],
  };
}

/**
 * Index: primary keys of conversations, conversation_members and device_lists; the rest only inserts. The lists of a
 * room's members, two hundred in a large group, are looked at only when a list of anybody has changed since they were
 * last known to be the newest; and then by their sum, for versions only rise. Each message finds its conversation by
 * the index: a join of messages with a list of rooms would compare each with each, since a plan made once expects few.
 */
const WRITE_MESSAGES = `
  with outdated as (
    select r.conversation
    from unnest($1::uuid[], $2::bigint[], $3::bigint[]) as r (conversation, version_sum, list_changes)
    where r.list_changes <> (select list_changes from platform) and r.version_sum <> (
      select coalesce(sum(d.version), 0)
      from conversation_members m
      join device_lists d on d.user_id = m.user_id
      where m.conversation = r.conversation and (m.role is not null or m.left_seq is null)
    )
  ),
  moment as materialized (
    select date_trunc('milliseconds', clock_timestamp()) as sent_at
  ),
  fresh as materialized (
    select m.place, m.id, m.sender_user, m.sender_device, m.kind, m.start, m.size, m.expires,
      m.conversation, c.last_seq + row_number() over (partition by m.conversation order by m.place) as seq
    from unnest($4::uuid[], $5::int[], $6::uuid[], $7::uuid[], $8::uuid[],
      $9::smallint[], $10::int[], $11::int[], $12::bigint[]) with ordinality
      as m (conversation, version, id, sender_user, sender_device, kind, start, size, expires, place)
    join conversations c on c.id = m.conversation and c.version = m.version
    where m.conversation not in (select conversation from outdated)
  ),
  ids as (
    insert into message_ids (id, sender_device, conversation, seq, sent_at, sha256)
    select id, sender_device, conversation, seq, sent_at,
      substr($13::bytea, place::int * 32 - 31, 32)
    from fresh, moment
  ),
  rows as (
    insert into messages
      (conversation, seq, sent_at, id, kind, sender_user, sender_device, recipients, expires_at)
    select conversation, seq, sent_at, id, kind, sender_user, sender_device,
      substr($14::bytea, start, size), to_timestamp(expires / 1000.0)
    from fresh, moment
  ),
  spans as (
    select conversation, min(seq) as first, max(seq) as last from fresh group by conversation
  ),
  counted as (
    update conversations c set last_seq = spans.last
    from spans where c.id = spans.conversation
  ),
  queued as (
    insert into fanout_outbox (conversations, firsts, lasts)
    select array_agg(conversation), array_agg(first), array_agg(last)
    from spans having count(*) > 0
    returning id, event_id
  )
  select taken.places, taken.seqs, moment.sent_at,
    queued.id as outbox, queued.event_id,
    (select list_changes from platform) as list_changes
  from moment, queued,
    (select array_agg(place::int - 1) as places, array_agg(seq) as seqs from fresh) as taken`;

/** What ids were used for. Index: message_ids_key. */
export function findIds(messages: readonly { id: MessageId; sender: Address }[]): Statement {
  return {
    name: 'find-ids',
    text: `
      select i.place::int - 1 as place, m.conversation, m.seq, m.sent_at, m.sha256
      from unnest($1::uuid[], $2::uuid[]) with ordinality as i (id, sender_device, place)
      join message_ids m on m.id = i.id and m.sender_device = i.sender_device`,
    values: [
      textArray(messages.map((message) => message.id)),
      textArray(messages.map((message): DeviceId => message.sender.device)),
    ],
  };
}

/** Sends a whole transaction at once. Rejects with its first failure, when every answer has come. */
export async function sendTransaction(
  pipeline: Pipeline,
  rooms: readonly CommitRoom[],
  messages: readonly CommitMessage[],
): Promise<{ written: WrittenRow | undefined; command: string }> {
  const [begun, locked, written, committed] = await Promise.allSettled([
    pipeline.send(BEGIN),
    pipeline.send(lockRooms(rooms)),
    pipeline.send<WrittenRow>(writeMessages(rooms, messages)),
    pipeline.send(COMMIT),
  ]);
  for (const answer of [begun, locked]) if (answer.status === 'rejected') throw answer.reason;
  if (written.status === 'rejected') throw written.reason;
  if (committed.status === 'rejected') throw committed.reason;
  return { written: written.value.rows[0], command: committed.value.command };
}

/** An array in PostgreSQL's text form. Ids are validated UUIDs and the rest are numbers, so nothing needs quotes. */
function textArray(items: readonly (string | number)[]): string {
  return `{${items.join(',')}}`;
}
