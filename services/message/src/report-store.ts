/** SQL over reports. */
import type { UserId } from '@sotto/api';
import { type Database, enqueueEvent } from '@sotto/runtime';
import { type Kysely, sql } from 'kysely';
import { holdUsers } from './erasure-store.ts';
import { REPORTS_KEPT_DAYS, REPORTS_PER_SWEEP } from './limits.ts';
import type { NewReport, ReportedMessage, ReportReason } from './report.ts';
import type { Tables } from './schema.ts';

type Query = Kysely<Tables>;

/** A report as the operator sees it. Names are missing of those who have been erased. */
export interface ReportRow {
  id: string;
  made_at: Date;
  closed_at: Date | null;
  reason: ReportReason;
  reporter: UserId;
  reporter_name: string | null;
  reported: UserId;
  reported_name: string | null;
  conversation: string | null;
  note: string | null;
  messages: ReportedMessage[];
}

/** Writes a report and tells the audit log of it. False when one of the two has been erased. */
export async function insertReport(
  { query }: Pick<Database<Tables>, 'query'>,
  { id, reporter, device, reported, conversation, reason, note, messages }: NewReport,
): Promise<boolean> {
  return query.transaction().execute(async (transaction) => {
    if (!(await holdUsers(transaction, [reporter, reported]))) return false;
    const { made_at } = await transaction
      .insertInto('reports')
      .values({
        ...{ id, reporter, reported, reason },
        conversation: conversation ?? null,
        note: note ?? null,
        messages: JSON.stringify(messages),
      })
      .returning('made_at')
      .executeTakeFirstOrThrow();
    const at = made_at.toISOString();
    const entry = { at, action: 'reports.made', user: reporter, device } as const;
    await enqueueEvent(transaction, 'events.audit.noted', { id, entries: [entry] });
    return true;
  });
}

/** Reports, the newest first: those still open, or all. Index: reports_made. */
export async function listReports(
  query: Query,
  { all, limit }: { all: boolean; limit: number },
): Promise<ReportRow[]> {
  return selectReports(query)
    .$if(!all, (builder) => builder.where('r.closed_at', 'is', null))
    .orderBy('r.made_at', 'desc')
    .orderBy('r.id', 'desc')
    .limit(limit)
    .execute();
}

/** One report. Index: primary key. */
export async function findReport(query: Query, id: string): Promise<ReportRow | undefined> {
  return selectReports(query).where('r.id', '=', id).executeTakeFirst();
}

function selectReports(query: Query) {
  return query
    .selectFrom('reports as r')
    .leftJoin('accounts as a', 'a.user_id', 'r.reporter')
    .leftJoin('accounts as b', 'b.user_id', 'r.reported')
    .select([
      ...(['r.id', 'r.made_at', 'r.closed_at', 'r.reason', 'r.reporter', 'r.reported'] as const),
      ...(['r.conversation', 'r.note', 'r.messages'] as const),
      'a.username as reporter_name',
      'b.username as reported_name',
    ]);
}

/** What became of a wish to close a report. */
export type Closing = 'closed' | 'was-closed' | 'unknown';

/** Closes a report and tells the audit log of it, as event `eventId`. Index: primary key. */
export async function closeReport(
  query: Query,
  { id, eventId }: { id: string; eventId: string },
): Promise<Closing> {
  return query.transaction().execute(async (transaction) => {
    const closed = await transaction
      .updateTable('reports')
      .set({ closed_at: sql`now()` })
      .where('id', '=', id)
      .where('closed_at', 'is', null)
      .returning('closed_at')
      .executeTakeFirst();
    if (closed === undefined) {
      const known = await transaction
        .selectFrom('reports')
        .where('id', '=', id)
        .select('id')
        .executeTakeFirst();
      return known === undefined ? 'unknown' : 'was-closed';
    }
    const at = (closed.closed_at ?? new Date()).toISOString();
    const entry = { at, action: 'admin.acted', command: 'reports close' } as const;
    await enqueueEvent(transaction, 'events.audit.noted', { id: eventId, entries: [entry] });
    return 'closed';
  });
}

/** Deletes some reports that are too old. True when there may be more. Index: reports_made. */
export async function deleteOldReports(query: Query): Promise<boolean> {
  const { numAffectedRows = 0n } = await sql`
    delete from reports where id in (
      select id from reports where made_at < now() - ${REPORTS_KEPT_DAYS} * interval '1 day'
      order by made_at limit ${REPORTS_PER_SWEEP}
    )
  `.execute(query);
  return numAffectedRows >= BigInt(REPORTS_PER_SWEEP);
}
