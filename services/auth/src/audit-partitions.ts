/** The monthly partitions of `audit_log`: made ahead, so that nothing that is noted waits for one, and dropped when old. */
import type { Database } from '@sotto/runtime';
import { type Kysely, sql, type Transaction } from 'kysely';
import { AUDIT_MONTHS_AHEAD, AUDIT_MONTHS_KEPT } from './limits.ts';
import type { AuthTables } from './schema.ts';

/**
 * Makes the partitions of last month (an event may have waited on its way), this month and those ahead, as far as they
 * are missing, and drops those that ended more than AUDIT_MONTHS_KEPT months ago. Safe in many processes at once.
 */
export async function keepAuditPartitions({
  query,
}: Pick<Database<AuthTables>, 'query'>): Promise<void> {
  await query.transaction().execute(async (transaction) => {
    // One process works; the others wait and find it done.
    await sql`select pg_advisory_xact_lock(hashtextextended(current_schema || ':audit', 0))`.execute(
      transaction,
    );
    await makeAuditPartitions(transaction);
    for (const name of await oldPartitions(transaction)) {
      await sql`drop table ${sql.id(name)}`.execute(transaction);
    }
  });
}

/** Makes those that are missing: of a database that was restored from an older backup this month's may be. */
export async function makeAuditPartitions(transaction: Kysely<AuthTables>): Promise<void> {
  for (const month of await missingMonths(transaction)) await makePartition(transaction, month);
}

interface Month {
  name: string;
  from: string;
  to: string;
}

/** Months in UTC, by the database's clock. */
async function missingMonths(transaction: Kysely<AuthTables>): Promise<Month[]> {
  const { rows } = await sql<Month>`
    select name, month::date::text as from, (month + interval '1 month')::date::text as to
    from (
      select month, 'audit_log_p' || to_char(month, 'YYYYMM') as name
      from generate_series(
        date_trunc('month', now() at time zone 'utc') - interval '1 month',
        date_trunc('month', now() at time zone 'utc') + ${AUDIT_MONTHS_AHEAD} * interval '1 month',
        interval '1 month'
      ) as month
    ) as months
    where to_regclass(quote_ident(current_schema) || '.' || name) is null
    order by month
  `.execute(transaction);
  return rows;
}

async function makePartition(transaction: Kysely<AuthTables>, month: Month): Promise<void> {
  const { name, from, to } = month;
  const bound = (day: string) => sql.lit(`${day} 00:00:00+00`);
  await sql`create table ${sql.id(name)} partition of audit_log
    for values from (${bound(from)}) to (${bound(to)})`.execute(transaction);
  // Triggers against truncation are not handed down, unlike those on rows.
  await sql`create trigger audit_log_no_truncate before truncate on ${sql.id(name)}
    for each statement execute function refuse_audit_change()`.execute(transaction);
}

async function oldPartitions(transaction: Transaction<AuthTables>): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    select child.relname as name
    from pg_inherits
    join pg_class as child on child.oid = inhrelid
    where inhparent = 'audit_log'::regclass and child.relname ~ '^audit_log_p[0-9]{6}$'
      and to_date(right(child.relname, 6), 'YYYYMM')
        < date_trunc('month', now() at time zone 'utc') - ${AUDIT_MONTHS_KEPT} * interval '1 month'
    order by name
  `.execute(transaction);
  return rows.map(({ name }) => name);
}
