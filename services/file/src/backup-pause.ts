/**
 * While a backup is being made no blob goes: the rows that it has read name them still.
 *
 * The program that makes it holds a lock for as long as it works, and takes it before it reads the first row. A file
 * that is to go is hidden first: whoever then finds the lock free knows that the backup will read it as hidden.
 */
import { type Kysely, sql } from 'kysely';
import type { FileTables } from './schema.ts';

/** What the advisory lock is called: its key is `hashtextextended(NAME, 0)`. */
export const BACKUP_LOCK = 'file:backup';

/** Thrown by removals that have to wait for the end of a backup. */
export class BackupUnderWay extends Error {
  override readonly name = 'BackupUnderWay';

  constructor() {
    super('a backup is under way: blobs are removed after it');
  }
}

/** True while a backup is being made. */
export async function isBackupUnderWay(query: Kysely<FileTables>): Promise<boolean> {
  // Shared, and given back with the statement: nobody waits for it but a backup that begins in this moment.
  const { rows } = await sql<{ free: boolean }>`
    select pg_try_advisory_xact_lock_shared(hashtextextended(${BACKUP_LOCK}, 0)) as free`.execute(
    query,
  );
  return rows[0]?.free !== true;
}
