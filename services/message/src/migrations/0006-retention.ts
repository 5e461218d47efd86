/** How long messages are kept: their own time, and the platform's. */
import { type Kysely, sql } from 'kysely';

export async function retention(transaction: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(transaction);
}

const STATEMENTS = [
  // Places below have been dropped with their week, or are about to be.
  'alter table conversations add column first_seq bigint not null default 1',

  'alter table messages add column expires_at timestamptz',
  // What has been emptied leaves the index, so that the sweeper finds only what is still to be done.
  `create index messages_expiring on messages (expires_at)
    where expires_at is not null and octet_length(recipients) > 0`,

  // Ids of before may have been deleted, whatever the retention is set to now: none of them may be taken again.
  "alter table platform add column ids_from timestamptz not null default 'epoch'",
];
