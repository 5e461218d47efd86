/** SQL over cursors, and over the counts of what devices have sent, which are written with them. */
import type { ConversationId, DeviceId } from '@sotto/api';
import type { Database } from '@sotto/runtime';
import { sql, type Transaction } from 'kysely';
import type { Tables } from './schema.ts';

export interface CursorRow {
  readonly device: DeviceId;
  readonly conversation: ConversationId;
  readonly seq: number;
}

export interface SentRow {
  readonly device: DeviceId;
  /** Messages since the count was last written. */
  readonly count: number;
}

/** Forgets where a device was, and what it has sent. Index: primary keys. */
export async function deleteCursors(
  { query }: Pick<Database<Tables>, 'query'>,
  device: DeviceId,
): Promise<void> {
  await query.transaction().execute((transaction) => removeCursors(transaction, [device]));
  await query.deleteFrom('sent_counts').where('device', '=', device).execute();
}

/**
 * Removes where devices were. Their rows are locked in the order in which they are written, which a deletion alone does
 * not keep to: or it and a write would wait for each other. Index: primary key.
 */
export async function removeCursors(
  transaction: Transaction<Tables>,
  devices: readonly DeviceId[],
): Promise<void> {
  await sql`
    select from cursors where device = any(${devices}::uuid[])
    order by device, conversation for update
  `.execute(transaction);
  await sql`delete from cursors where device = any(${devices}::uuid[])`.execute(transaction);
}

/** Removes what devices have sent, locked in order as cursors are. Index: primary key. */
export async function removeSent(
  transaction: Transaction<Tables>,
  devices: readonly DeviceId[],
): Promise<void> {
  await sql`
    select from sent_counts where device = any(${devices}::uuid[]) order by device for update
  `.execute(transaction);
  await sql`delete from sent_counts where device = any(${devices}::uuid[])`.execute(transaction);
}

/** Removes where all devices were in one conversation, likewise. */
export async function removeCursorsIn(
  transaction: Transaction<Tables>,
  conversation: ConversationId,
): Promise<void> {
  await sql`
    select from cursors where conversation = ${conversation} order by device for update
  `.execute(transaction);
  await transaction.deleteFrom('cursors').where('conversation', '=', conversation).execute();
}

/**
 * Raises cursors; none ever falls. The commit does not wait for the disk: what a power failure takes is delivered again.
 * Rows go in one order, so that two nodes never wait for each other. Index: primary key.
 */
export async function writeCursors(
  { query }: Pick<Database<Tables>, 'query'>,
  rows: readonly CursorRow[],
): Promise<void> {
  if (rows.length === 0) return;
  const devices = rows.map((row) => row.device);
  const conversations = rows.map((row) => row.conversation);
  const seqs = rows.map((row) => row.seq);
  await query.transaction().execute(async (transaction) => {
    await sql`set local synchronous_commit = off`.execute(transaction);
    await sql`
      insert into cursors (device, conversation, seq)
      select * from unnest(${devices}::uuid[], ${conversations}::uuid[], ${seqs}::bigint[])
        as c (device, conversation, seq)
      order by device, conversation
      on conflict (device, conversation) do update set seq = excluded.seq
      where cursors.seq < excluded.seq
    `.execute(transaction);
  });
}

/** Adds to what devices have sent. Rows go in one order, as cursors do. Index: primary key. */
export async function addSent(
  { query }: Pick<Database<Tables>, 'query'>,
  rows: readonly SentRow[],
): Promise<void> {
  if (rows.length === 0) return;
  const devices = rows.map((row) => row.device);
  const counts = rows.map((row) => row.count);
  await query.transaction().execute(async (transaction) => {
    await sql`set local synchronous_commit = off`.execute(transaction);
    await sql`
      insert into sent_counts (device, sent)
      select * from unnest(${devices}::uuid[], ${counts}::bigint[]) as s (device, sent)
      order by device
      on conflict (device) do update set sent = sent_counts.sent + excluded.sent
    `.execute(transaction);
  });
}

/** What a device is greeted with. */
export interface Marks {
  /** How many messages of it are stored. */
  sent: number;
  /** By conversation; at most as many as were asked for. */
  cursors: { conversation: ConversationId; seq: number }[];
}

interface MarkRow {
  sent: number | null;
  conversation: ConversationId | null;
  seq: number | null;
}

/** A device's count, and a page of its cursors. Index: primary keys. */
export async function readMarks(
  { pool }: Pick<Database<Tables>, 'pool'>,
  device: DeviceId,
  { after, limit }: { after: ConversationId | undefined; limit: number },
): Promise<Marks> {
  const { rows } = await pool.query<MarkRow>({
    name: 'read-marks',
    text: `
      select s.sent, c.conversation, c.seq
      from (select $1::uuid as device) as asking
      left join sent_counts s on s.device = asking.device
      left join lateral (
        select conversation, seq from cursors
        where device = $1 and ($2::uuid is null or conversation > $2)
        order by conversation limit $3
      ) as c on true
      order by c.conversation`,
    values: [device, after ?? null, limit],
  });
  return {
    sent: rows[0]?.sent ?? 0,
    cursors: rows.flatMap(({ conversation, seq }) =>
      conversation === null || seq === null ? [] : [{ conversation, seq }],
    ),
  };
}
