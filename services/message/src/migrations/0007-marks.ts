/** What tells a device that its store is behind: how many messages of it are stored (DESIGN 3, stale stores). */
import { type Kysely, sql } from 'kysely';

export async function marks(transaction: Kysely<unknown>): Promise<void> {
  // Written once per second and active device, so a page has room for the next version of its rows.
  await sql`create table sent_counts (
    device uuid primary key,
    sent bigint not null
  ) with (fillfactor = 70)`.execute(transaction);
}
