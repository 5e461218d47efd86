/**
 * The audit log: who did what, when and from where; never with what content.
 *
 * A row stands in the table `audit_log`, which takes no change; a line in the process's log tells that it was written.
 * The line carries the row's id and not whose it is: logs are copied to places that no erasure reaches.
 */
import { createHash, randomUUID } from 'node:crypto';
import type { AuditEntry, Event } from '@sotto/api/internal';
import type { Logger } from '@sotto/runtime';
import { sql } from 'kysely';
import { insertAuditRow } from './audit-store.ts';
import { AUDIT_SOURCE_MS } from './limits.ts';
import type { Query } from './store.ts';

/** What happened. `source` is an address as `Connection.remoteAddress` has it. */
export type AuditNote = Omit<AuditEntry, 'at'>;

export interface Audit {
  /**
   * Writes what happened: in the transaction that made it happen, or by `database.query` when nothing else is written.
   * Throws when it cannot: what is not noted must not have happened.
   */
  note(query: Query, what: AuditNote): Promise<void>;
  /** Takes in what another service noted. Repeating it changes nothing. */
  take(query: Query, noted: Event<'events.audit.noted'>): Promise<void>;
}

/** Seals a source address for the row of this id. */
export type SealSource = (row: string, source: string) => Uint8Array;

export interface AuditDeps {
  log: Logger;
  sealSource: SealSource;
}

type Dated = AuditNote & { at: Date | undefined };

/** The audit log of one process. */
export function createAudit({ log, sealSource }: AuditDeps): Audit {
  async function write(query: Query, id: string, what: Dated): Promise<void> {
    const { at, action, command, user, device, session, source, count = 1 } = what;
    await insertAuditRow(query, {
      at,
      id,
      action,
      command: command ?? null,
      user_id: user ?? null,
      device_id: device ?? null,
      session_id: session ?? null,
      source: source === undefined ? null : sealSource(id, source),
      count,
    });
    log.info('audit', { code: action, entry: id, count });
  }

  return {
    note: (query, what) => write(query, randomUUID(), { ...what, at: undefined }),
    async take(query, { id, entries }) {
      const now = await databaseTime(query);
      for (const [place, entry] of entries.entries()) {
        await write(query, entryId(id, place), asOf(now, entry));
      }
    },
  };
}

/** How far another machine's clock may lead before an entry is dated by ours. */
const LEAD_MS = 24 * 3_600_000;
/** How long an entry may have been on its way: there is a partition for that long. */
const WAY_MS = 27 * 24 * 3_600_000;

/** The entry, dated by our own time if its own lies outside the partitions, and without an address that is too old. */
function asOf(now: Date, { at: told, source, ...rest }: AuditEntry): Dated {
  const age = now.getTime() - Date.parse(told);
  const at = age > WAY_MS || age < -LEAD_MS ? now : new Date(told);
  return { ...rest, at, ...(source !== undefined && age < AUDIT_SOURCE_MS && { source }) };
}

/** The same event gives the same rows. */
function entryId(event: string, place: number): string {
  const hex = createHash('sha256').update(`${event}\n${place}`).digest('hex').slice(0, 32);
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

async function databaseTime(query: Query): Promise<Date> {
  const { rows } = await sql<{ now: Date }>`select clock_timestamp() as now`.execute(query);
  const now = rows[0]?.now;
  if (now === undefined) throw new Error('the database has no clock');
  return now;
}
