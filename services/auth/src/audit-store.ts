/** All SQL on rows of the audit log. */
import type { SessionId, UserId } from '@sotto/api';
import type { AuditEntry } from '@sotto/api/internal';
import { sql } from 'kysely';
import { AUDIT_SOURCE_MS } from './limits.ts';
import type { AuditLogTable } from './schema.ts';
import type { Query } from './store.ts';

/** A row to be written; without a time of its own it is dated by the database, whose clock all processes share. */
export type NewAuditRow = Omit<AuditLogTable, 'at'> & { at: Date | undefined };

/** Writes a row; one that is there already stays as it is. */
export async function insertAuditRow(query: Query, { at, ...row }: NewAuditRow): Promise<void> {
  // In milliseconds, as pages of the log name the row that they ended with.
  const now = sql<Date>`date_trunc('milliseconds', clock_timestamp())`;
  await query
    .insertInto('audit_log')
    .values({ ...row, at: at ?? now })
    .onConflict((conflict) => conflict.columns(['at', 'id']).doNothing())
    .execute();
}

/** What to read of the log. */
export interface AuditFilter {
  user?: UserId;
  session?: SessionId;
  action?: AuditEntry['action'];
  since?: Date;
  /** Goes on behind this row, towards the past. */
  before?: Pick<AuditLogTable, 'at' | 'id'>;
  limit: number;
}

/** A page of the log, the newest first. Index: audit_log_user, or the primary key. */
export function readAuditRows(query: Query, filter: AuditFilter): Promise<AuditLogTable[]> {
  const { user, session, action, since, before, limit } = filter;
  let rows = query.selectFrom('audit_log').selectAll();
  if (user !== undefined) rows = rows.where('user_id', '=', user);
  if (session !== undefined) rows = rows.where('session_id', '=', session);
  if (action !== undefined) rows = rows.where('action', '=', action);
  if (since !== undefined) rows = rows.where('at', '>=', since);
  if (before !== undefined) {
    rows = rows.where(sql<boolean>`(at, id) < (${before.at}, ${before.id})`);
  }
  return rows.orderBy('at', 'desc').orderBy('id', 'desc').limit(limit).execute();
}

/** Removes the addresses that have been kept for long enough. Index: audit_log_sources. */
export async function removeOldSources(query: Query): Promise<void> {
  await sql`
    update audit_log set source = null
    where source is not null
      and at < clock_timestamp() - make_interval(secs => ${AUDIT_SOURCE_MS / 1000})
  `.execute(query);
}
