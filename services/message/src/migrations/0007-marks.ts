/**
 * What tells that something is behind: a device's store, by how many messages of it are stored (DESIGN 3), and the
 * database itself, which was restored when it has run since it was last made whole (DESIGN 2.9).
 */
import { type Kysely, sql } from 'kysely';

export async function marks(transaction: Kysely<unknown>): Promise<void> {
  for (const statement of STATEMENTS) await sql.raw(statement).execute(transaction);
}

const STATEMENTS = [
  // Written once per second and active device, so a page has room for the next version of its rows.
  `create table sent_counts (
    device uuid primary key,
    sent bigint not null
  ) with (fillfactor = 70)`,
  // has_run: since it was made or restored. restoring: the incarnation of a restore that was begun and not ended.
  `alter table platform
    add has_run boolean not null default true,
    add restoring integer`,
];
