/**
 * Ends what the sessions of a database that was restored from a backup would still allow (DESIGN 2.9): tokens that were
 * ended after the backup, and those of a generation that was given out twice. Nothing else may be connected.
 */
import { createLogger, type Database, openPatientPool } from '@sotto/runtime';
import { Kysely, PostgresDialect, sql } from 'kysely';
import { createAudit } from './audit.ts';
import { makeAuditPartitions } from './audit-partitions.ts';
import type { AuthTables } from './schema.ts';

/** Deletes all sessions, and notes that the operator did. Devices that sign their log-ins open others by themselves. */
export async function restoreSessions(
  database: Pick<Database<AuthTables>, 'pool'>,
): Promise<{ sessions: number }> {
  const query = new Kysely<AuthTables>({
    dialect: new PostgresDialect({ pool: openPatientPool(database) }),
  });
  try {
    return await query.transaction().execute(endSessions);
  } finally {
    await query.destroy();
  }
}

/** {@link restoreSessions} in a transaction of the caller's. */
export async function endSessions(transaction: Kysely<AuthTables>): Promise<{ sessions: number }> {
  await makeAuditPartitions(transaction);
  // The note names no source, so nothing is sealed.
  const audit = createAudit({
    log: createLogger({ service: 'admin', level: 'silent' }),
    sealSource: () => new Uint8Array(),
  });
  const deleted = await sql`delete from sessions`.execute(transaction);
  await audit.note(transaction, { action: 'admin.acted', command: 'restored' });
  return { sessions: Number(deleted.numAffectedRows ?? 0) };
}
