/** SQL over cursors. */
import type { ConversationId, DeviceId } from '@sotto/api';
import type { Database } from '@sotto/runtime';
import { sql } from 'kysely';
import type { Tables } from './schema.ts';

export interface CursorRow {
  readonly device: DeviceId;
  readonly conversation: ConversationId;
  readonly seq: number;
}

/** Forgets where a device was. Index: primary key. */
export async function deleteCursors(
  { query }: Pick<Database<Tables>, 'query'>,
  device: DeviceId,
): Promise<void> {
  await query.deleteFrom('cursors').where('device', '=', device).execute();
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
