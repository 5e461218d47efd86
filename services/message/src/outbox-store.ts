/** SQL over the outbox of the fan-out: rows that say which places were committed and may not be on the bus yet. */
import type { ConversationId } from '@sotto/api';
import type { Database } from '@sotto/runtime';
import { sql, type Transaction } from 'kysely';
import { OUTBOX_ROWS_MAX, OUTBOX_STALE_MS, OUTBOX_SWEEP_ROWS } from './limits.ts';
import type { Tables } from './schema.ts';

type OutboxDatabase = Pick<Database<Tables>, 'query'>;

export interface OutboxRow {
  id: number;
  event_id: string;
  conversations: ConversationId[];
  firsts: number[];
  lasts: number[];
}

/** Deletes rows that the bus has. A crash that undoes this costs a second publication, so it does not wait for the disk. */
export async function deletePublished({ query }: OutboxDatabase, ids: number[]): Promise<void> {
  await query.transaction().execute(async (transaction) => {
    await sql`set local synchronous_commit = off`.execute(transaction);
    await sql`delete from fanout_outbox where id = any(${ids}::bigint[])`.execute(transaction);
  });
}

/**
 * Hands over rows that were left behind, oldest first, and deletes those whose ids come back. Nodes skip each other's.
 * Index: primary key; a young row ends the scan only at the limit, but the table is empty when all goes well.
 */
export async function sweepRows(
  { query }: OutboxDatabase,
  publish: (rows: OutboxRow[]) => Promise<number[]>,
): Promise<number> {
  return query.transaction().execute(async (transaction) => {
    const { rows } = await sql<OutboxRow>`
      select id, event_id, conversations, firsts, lasts from fanout_outbox
      where created_at < clock_timestamp() - ${OUTBOX_STALE_MS} * interval '1 millisecond'
      order by id limit ${OUTBOX_SWEEP_ROWS} for update skip locked
    `.execute(transaction);
    if (rows.length === 0) return 0;
    const published = await publish(rows);
    await sql`delete from fanout_outbox where id = any(${published}::bigint[])`.execute(
      transaction,
    );
    return published.length;
  });
}

/**
 * When more rows were left behind than are worth publishing one by one: deletes them and publishes one mark in their
 * place. False, and nothing done, when there are fewer.
 *
 * The deletion comes first: it takes only what was committed by then, which everybody who hears of the mark later can
 * read. Ids are given out before commits, so a row may turn up below others afterwards; it stays.
 */
export async function collapseRows(
  { query }: OutboxDatabase,
  publishMark: () => Promise<void>,
): Promise<boolean> {
  return query.transaction().execute(async (transaction) => {
    if (!(await isTooLong(transaction))) return false;
    await sql`delete from fanout_outbox`.execute(transaction);
    await publishMark();
    return true;
  });
}

/** Whether there are too many rows. One node at a time finds so. */
async function isTooLong(transaction: Transaction<Tables>): Promise<boolean> {
  const { rows } = await sql<{ long: boolean }>`
    select (
      select count(*) from (select 1 from fanout_outbox limit ${OUTBOX_ROWS_MAX + 1}) as counted
    ) > ${OUTBOX_ROWS_MAX} and pg_try_advisory_xact_lock(
      hashtextextended(current_schema || ':collapse', 0)
    ) as long
  `.execute(transaction);
  return rows[0]?.long === true;
}
