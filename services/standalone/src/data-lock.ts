/** One process per data directory, seen to by the operating system: the lock goes with the process, however it ends. */
import { chmodSync, closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { makeDirectory } from './directories.ts';

/** Holds a data directory until it is closed. */
export interface DataLock {
  close(): void;
}

/** SQLITE_BUSY: another connection holds the lock. */
const BUSY = 5;

/** The locks of this process. Without it, one whose holder is forgotten would end when its memory is collected. */
const held = new Set<DatabaseSync>();

/** Takes the directory, which is made if absent. Throws a one-line error when another process has it. */
export function lockData(directory: string): DataLock {
  // Others may pass, as the unprivileged PostgreSQL of a start as root must; what is inside has its own modes.
  makeDirectory(directory, 0o711);
  const file = join(directory, 'lock');
  makePrivate(file);
  // Node has no lock on files of its own, but SQLite takes one.
  const database = new DatabaseSync(file);
  try {
    database.exec('pragma journal_mode = memory; begin exclusive');
  } catch (error) {
    database.close();
    if (error instanceof Error && 'errcode' in error && error.errcode === BUSY) {
      throw new Error(`another platform is running on ${directory}: stop it, or set DATA_DIR`);
    }
    throw error;
  }
  held.add(database);
  return {
    close: () => {
      held.delete(database);
      database.close();
    },
  };
}

/**
 * Whoever can read the file can lock it, and keep the platform from starting. SQLite would make it readable for all, and
 * so did earlier starts. One that is there is not opened: closing it would end a lock that this process has on it.
 */
function makePrivate(file: string): void {
  try {
    closeSync(openSync(file, 'wx', 0o600));
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
    chmodSync(file, 0o600);
  }
}
