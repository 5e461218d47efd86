/** One process per data directory, seen to by the operating system: the lock goes with the process, however it ends. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** Holds a data directory until it is closed. */
export interface DataLock {
  close(): void;
}

/** SQLITE_BUSY: another connection holds the lock. */
const BUSY = 5;

/** Takes the directory, which is made if absent. Throws a one-line error when another process has it. */
export function lockData(directory: string): DataLock {
  // Others may pass, as the unprivileged PostgreSQL of a start as root must; what is inside has its own modes.
  mkdirSync(directory, { recursive: true, mode: 0o711 });
  // Node has no lock on files of its own, but SQLite takes one.
  const database = new DatabaseSync(join(directory, 'lock'));
  try {
    database.exec('pragma journal_mode = memory; begin exclusive');
  } catch (error) {
    database.close();
    if (error instanceof Error && 'errcode' in error && error.errcode === BUSY) {
      throw new Error(`another platform is running on ${directory}: stop it, or set DATA_DIR`);
    }
    throw error;
  }
  return { close: () => database.close() };
}
