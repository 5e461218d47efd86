/** The weekly partitions of `messages`: made ahead, so that no insert ever waits for one. */
import type { Database, Logger } from '@sotto/runtime';
import { sql, type Transaction } from 'kysely';
import { failureOf } from './commit-line.ts';
import { PARTITION_WEEKS_AHEAD, PARTITIONS_EVERY_MS, PARTITIONS_TICK_MS } from './limits.ts';
import type { Tables } from './schema.ts';

/** Makes the partitions of last week (clocks may be set back), this week and the weeks ahead, as far as they are missing. */
export async function makePartitions({ query }: Pick<Database<Tables>, 'query'>): Promise<void> {
  await query.transaction().execute(async (transaction) => {
    // One node makes them; the others wait and find them.
    await sql`select pg_advisory_xact_lock(hashtextextended(current_schema || ':partitions', 0))`.execute(
      transaction,
    );
    for (const week of await missingWeeks(transaction)) await makePartition(transaction, week);
  });
}

/**
 * Does what inserts into `messages`, as one transaction; and once more when it failed for want of a partition, which is made
 * first. Rejects as the work does.
 */
export async function insertPartitioned<R>(
  database: Pick<Database<Tables>, 'query'>,
  insert: () => Promise<R>,
): Promise<R> {
  try {
    return await insert();
  } catch (error) {
    if (failureOf(error) !== 'unpartitioned') throw error;
    await makePartitions(database);
    return insert();
  }
}

/** Sees to the partitions now and then. Call `makePartitions` first. */
export function keepPartitions(
  database: Pick<Database<Tables>, 'query'>,
  log: Logger,
): { close(): void } {
  let madeAt = Date.now();
  const timer = setInterval(() => {
    const now = Date.now();
    if (now - madeAt < PARTITIONS_EVERY_MS) return;
    madeAt = now;
    makePartitions(database).catch((error) => log.error('partitions cannot be made', { error }));
  }, PARTITIONS_TICK_MS).unref();
  return { close: () => clearInterval(timer) };
}

interface Week {
  name: string;
  from: string;
  to: string;
}

/** Weeks begin on Monday in UTC, by the database's clock: it is the one that dates messages. */
async function missingWeeks(transaction: Transaction<Tables>): Promise<Week[]> {
  const { rows } = await sql<Week>`
    select name, from_day::text as from, to_day::text as to
    from (
      select 'messages_p' || to_char(monday, 'YYYYMMDD') as name,
        monday::date as from_day, (monday + interval '7 days')::date as to_day
      from generate_series(
        date_trunc('week', now() at time zone 'utc') - interval '7 days',
        date_trunc('week', now() at time zone 'utc') + ${PARTITION_WEEKS_AHEAD} * interval '7 days',
        interval '7 days'
      ) as monday
    ) as weeks
    where to_regclass(quote_ident(current_schema) || '.' || name) is null
    order by from_day
  `.execute(transaction);
  return rows;
}

async function makePartition(transaction: Transaction<Tables>, week: Week): Promise<void> {
  const { name, from, to } = week;
  const bound = (day: string) => sql.lit(`${day} 00:00:00+00`);
  await sql`create table ${sql.id(name)} partition of messages
    for values from (${bound(from)}) to (${bound(to)})`.execute(transaction);
}
