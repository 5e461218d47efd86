/** A file costs its owner 4096 bytes at least; before, small files cost their size alone, and empty ones nothing. */
import { type Kysely, sql } from 'kysely';

export async function leastCharge<Tables>(transaction: Kysely<Tables>): Promise<void> {
  await sql`update usage set bytes = (
    select coalesce(sum(greatest(size, 4096)), 0) from files where files.owner = usage.owner
  )`.execute(transaction);
}
