/** Owners who are no more: an upload that was under way must not leave a file behind for nobody. */
import { type Kysely, sql } from 'kysely';

export async function erasure(transaction: Kysely<unknown>): Promise<void> {
  await sql`create table erased_owners (
    owner uuid primary key,
    erased_at timestamptz not null default now()
  )`.execute(transaction);
  await sql`create index files_owner on files (owner)`.execute(transaction);
}
