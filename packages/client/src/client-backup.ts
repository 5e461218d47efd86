/** The part of a client that is about backups of its store, for applications that have no hold of the store itself. */
import type { RestoredBackup } from './backup/backup.ts';
import type { ClientCore } from './client-core.ts';
import type { Abortable } from './connection/heeding.ts';
import { loadLatePart } from './load-late.ts';

/** Backups (`@sotto/client/backup` makes the words, and does the same to a store). */
export interface BackupDoor {
  /**
   * A backup of the store, encrypted under the recovery key of these words, in pieces as they are read; the signal ends
   * those too. Rejects with `backup.words-wrong`, and with `account.missing` before the first connection.
   */
  exportBackup(words: string, options?: Abortable): Promise<ReadableStream<Uint8Array>>;
  /**
   * Restores a backup into the store of this client, which no account has used yet; after that, `login` with the password.
   * Rejects with `backup.words-wrong`, `backup.damaged`, `backup.unsupported` and `backup.store-used`, and with the
   * reason of the signal, with nothing written.
   */
  restoreBackup(words: string, backup: Blob, options?: Abortable): Promise<RestoredBackup>;
}

/** What an application calls about backups. */
export function openBackupDoor({ store, provider, clock }: ClientCore): BackupDoor {
  return {
    async exportBackup(words, { signal } = {}) {
      const { exportBackup } = await loadLatePart();
      return exportBackup(store, words, { provider, clock, signal });
    },
    async restoreBackup(words, backup, { signal } = {}) {
      const { restoreBackup } = await loadLatePart();
      return restoreBackup(store, words, backup, { provider, signal });
    },
  };
}
