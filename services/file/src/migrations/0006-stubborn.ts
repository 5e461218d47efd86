/** When the removal of a hidden file failed last: the others go first. */
import { type Kysely, sql } from 'kysely';

export async function stubborn(transaction: Kysely<unknown>): Promise<void> {
  await sql`alter table files add column tried_at timestamptz`.execute(transaction);
  // The sweeper's: nearly empty, whatever the number of files.
  await sql`create index files_deleting on files (tried_at nulls first, created_at)
    where state = 'deleting'`.execute(transaction);
}
