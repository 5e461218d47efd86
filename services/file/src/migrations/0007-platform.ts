/** Which platform this is: made once, and put back with the database. Its store is marked with it. */
import { type Kysely, sql } from 'kysely';

export async function platform(transaction: Kysely<unknown>): Promise<void> {
  await sql`create table platform (
    single boolean primary key default true check (single),
    id uuid not null default gen_random_uuid()
  )`.execute(transaction);
  await sql`insert into platform default values`.execute(transaction);
}
