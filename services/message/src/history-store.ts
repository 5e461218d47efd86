/** SQL over stored messages: pages by place, the inbox, and ids. */
import type { ConversationId, DeviceId, MessageId, UserId } from '@sotto/api';
import type { Database } from '@sotto/runtime';
import type { KnownRow } from './commit-store.ts';

import { PAGE_BYTES_MAX } from './limits.ts';
import { KIND_NUMBERS, kindOf } from './message-kind.ts';
import { deviceBytes } from './packed-recipients.ts';
import type { Tables } from './schema.ts';
import type { StoredMessage } from './stored-message.ts';

type Pool = Pick<Database<Tables>, 'pool'>;

interface MessageRow {
  conversation: ConversationId;
  seq: number;
  sent_at: Date;
  id: MessageId;
  kind: number;
  sender_user: UserId;
  sender_device: DeviceId;
  recipients: Buffer;
  expires_at: Date | null;
}

const COLUMNS =
  'conversation, seq, sent_at, id, kind, sender_user, sender_device, recipients, expires_at';

/** Which places of a conversation; both bounds exclusive below and inclusive above, as cursors are. */
export interface PlacesWanted {
  conversation: ConversationId;
  above: number;
  upTo: number;
  limit: number;
}

export interface MessagePage {
  /** Oldest first. */
  messages: StoredMessage[];
  /** False when the limit, or the bound on bytes, left some out. */
  complete: boolean;
}

/**
 * A page cut to PAGE_BYTES_MAX, but of one message at least. Sizes come from the row: what is left out is never read.
 * Index: primary key of each partition, merged.
 */
function pageOf(direction: 'asc' | 'desc'): string {
  return `
    select ${COLUMNS}
    from (
      select *, sum(octet_length(recipients)) over (order by seq ${direction})
        - octet_length(recipients) as bytes_before
      from (
        select * from messages
        where conversation = $1 and seq > $2 and seq <= $3
        order by seq ${direction} limit $4
      ) as page
    ) as sized
    where bytes_before < ${PAGE_BYTES_MAX}
    order by seq`;
}

/** The messages nearest above a place. */
export function readForwards(pool: Pool, wanted: PlacesWanted): Promise<MessagePage> {
  return readPage(pool, wanted, { name: 'read-forwards', text: pageOf('asc') });
}

/** The messages nearest below a place, oldest first too. */
export function readBackwards(pool: Pool, wanted: PlacesWanted): Promise<MessagePage> {
  return readPage(pool, wanted, { name: 'read-backwards', text: pageOf('desc') });
}

async function readPage(
  { pool }: Pool,
  { conversation, above, upTo, limit }: PlacesWanted,
  statement: { name: string; text: string },
): Promise<MessagePage> {
  const { rows } = await pool.query<MessageRow>({
    ...statement,
    values: [conversation, above, upTo, limit],
  });
  const bytes = rows.reduce((sum, row) => sum + row.recipients.length, 0);
  return {
    messages: rows.map(toMessage),
    complete: rows.length < limit && bytes < PAGE_BYTES_MAX,
  };
}

/**
 * Unacknowledged messages that hold something for a device, oldest first over all conversations. Bytes that only look
 * like the device's id may let another one through; whoever unpacks it finds nothing.
 * Index: conversation_members_user, then primary keys; each conversation gives at most `limit` rows.
 */
export async function readInbox(
  { pool }: Pool,
  { user, device }: { user: UserId; device: DeviceId },
  limit: number,
): Promise<StoredMessage[]> {
  const { rows } = await pool.query<MessageRow>({
    name: 'read-inbox',
    text: INBOX,
    values: [user, device, deviceBytes(device), limit],
  });
  return rows.map(toMessage);
}

const INBOX = `
  select ${COLUMNS}
  from (
    select p.*, sum(octet_length(recipients)) over (order by sent_at, conversation, seq)
      - octet_length(recipients) as bytes_before
    from (
      select x.*
      from conversation_members m
      join conversations c on c.id = m.conversation
      left join cursors u on u.device = $2 and u.conversation = m.conversation
      cross join lateral (
        select * from messages s
        where s.conversation = m.conversation
          and s.seq > greatest(u.seq, m.joined_seq - 1)
          and (m.left_seq is null or s.seq < m.left_seq)
          and s.sender_device <> $2
          and (s.expires_at is null or s.expires_at > now())
          and (s.kind = ${KIND_NUMBERS.group} or (s.kind in (${KIND_NUMBERS.direct}, ${KIND_NUMBERS.targeted})
            and position($3::bytea in s.recipients) > 0))
        order by s.seq limit $4
      ) as x
      where m.user_id = $1 and c.last_seq > greatest(u.seq, m.joined_seq - 1)
      order by x.sent_at, x.conversation, x.seq
      limit $4
    ) as p
  ) as sized
  where bytes_before < ${PAGE_BYTES_MAX}
  order by sent_at, conversation, seq`;

/** What a device used an id for. Index: message_ids_key. */
export async function findOwnId(
  { pool }: Pool,
  device: DeviceId,
  id: MessageId,
): Promise<Omit<KnownRow, 'place'> | undefined> {
  const { rows } = await pool.query<Omit<KnownRow, 'place'>>({
    name: 'find-own-id',
    text: `select conversation, seq, sent_at, sha256 from message_ids
      where id = $1 and sender_device = $2`,
    values: [id, device],
  });
  return rows[0];
}

/** A place that a reader may acknowledge. */
export interface ReadablePlace {
  conversation: ConversationId;
  seq: number;
  /** The device's cursor in that conversation. */
  cursor: number;
}

/**
 * Places of messages with an id that a user may read, oldest first: ids are their senders' choice, so there may be
 * several. Index: message_ids_key by its first column, then primary keys.
 */
export async function findReadable(
  { pool }: Pool,
  { user, device }: { user: UserId; device: DeviceId },
  id: MessageId,
): Promise<ReadablePlace[]> {
  const { rows } = await pool.query<ReadablePlace>({
    name: 'find-readable',
    text: `
      select i.conversation, i.seq, greatest(u.seq, m.joined_seq - 1) as cursor
      from message_ids i
      join conversation_members m on m.conversation = i.conversation and m.user_id = $1
      left join cursors u on u.device = $2 and u.conversation = i.conversation
      where i.id = $3 and i.seq >= m.joined_seq and (m.left_seq is null or i.seq < m.left_seq)
      order by i.sent_at, i.conversation, i.seq
      limit 100`,
    values: [user, device, id],
  });
  return rows;
}

function toMessage(row: MessageRow): StoredMessage {
  return {
    conversation: row.conversation,
    seq: row.seq,
    id: row.id,
    kind: kindOf(row.kind),
    sender: { user: row.sender_user, device: row.sender_device },
    sentAt: row.sent_at.toISOString(),
    packed: row.recipients,
    expiresAt: row.expires_at?.getTime(),
  };
}
