/** Pieces that no upload has yet, or any longer: named by a row as long as the store may have them. */
import { type Kysely, sql } from 'kysely';

export async function loosePieces(transaction: Kysely<unknown>): Promise<void> {
  await sql`create table loose_pieces (
    blob_key uuid primary key,
    is_coming boolean not null,
    made_at timestamptz not null default now()
  )`.execute(transaction);
}
