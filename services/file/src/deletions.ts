/**
 * Removing files: the row is hidden first, then the blob goes, then the row.
 *
 * A row outlives what it names in the store, never the other way round. What a failure leaves in between, the sweeper
 * finishes; every step may be repeated.
 */
import { ApiError, type FileId, type UserId } from '@sotto/api';
import type { Blobs } from '@sotto/runtime';
import type { Kysely } from 'kysely';
import { BackupUnderWay, isBackupUnderWay } from './backup-pause.ts';
import type { Events } from './events.ts';
import { listPieces } from './resumable-store.ts';
import type { FileTables } from './schema.ts';
import { forget, type Leftover, markDeleting, markDeletingOwned, noteTried } from './store.ts';
import { giveBackToDay } from './usage-days-store.ts';

export interface DeletionDeps {
  query: Kysely<FileTables>;
  blobs: Blobs;
  events: Events;
}

/** Deletes a file of this user. Once this resolves nobody can read it. Throws `file.not-found`. */
export async function deleteFile(deps: DeletionDeps, id: FileId, user: UserId): Promise<void> {
  const leftover = await markDeletingOwned(deps.query, id, user);
  if (leftover === undefined) throw new ApiError('file.not-found');
  deps.events.deleted();
  await remove(deps, leftover).catch(deps.events.leftover);
}

/**
 * Undoes a failed upload as far as possible now, also one that is a file already by a commit whose answer was lost: its
 * sender is told that it failed, and nobody has heard its id. The day has bytes back that were never brought, in one
 * commit with the end of the row, or the sweeper would give them back again. Never throws: the upload's own error is the
 * one to tell.
 */
export async function discard(
  deps: DeletionDeps,
  leftover: Leftover,
  unbrought: number,
): Promise<void> {
  try {
    await deps.query.transaction().execute(async (transaction) => {
      await giveBackToDay(transaction, leftover.id, unbrought);
      await markDeleting(transaction, leftover.id);
    });
    // Also without a row: it may have been swept while the store was still taking the blob.
    await remove(deps, leftover);
  } catch (error) {
    deps.events.leftover(error);
  }
}

/**
 * Removes all of a file that is hidden already: blob, parts and pieces of its upload, row. Throws BackupUnderWay for what
 * has to stay until a backup has been made.
 */
export async function remove({ query, blobs }: DeletionDeps, leftover: Leftover): Promise<void> {
  const { id, blobKey } = leftover;
  if (await isBackupUnderWay(query)) throw new BackupUnderWay();
  const upload = await query
    .selectFrom('uploads')
    .select('attempt')
    .where('file', '=', id)
    .executeTakeFirst();
  const attempt = upload?.attempt ?? undefined;
  if (attempt !== undefined) await blobs.abortParts({ key: blobKey, attempt });
  for (const piece of await listPieces(query, id)) await blobs.delete(piece.blobKey);
  await blobs.delete(blobKey);
  await forget(query, id);
}

/** The same, of one that may have failed before: when it fails again, whatever was not tried since goes first. */
export async function removeLater(
  deps: DeletionDeps,
  leftover: Leftover,
  triedAt: Date,
): Promise<void> {
  try {
    await remove(deps, leftover);
  } catch (error) {
    await noteTried(deps.query, leftover.id, triedAt);
    throw error;
  }
}
