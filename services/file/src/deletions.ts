/**
 * Removing files: the row is hidden first, then the blob goes, then the row.
 *
 * The store cannot be asked what it holds, so a row outlives its blob, never the other way round. What a failure
 * leaves in between, the sweeper finishes; every step may be repeated.
 */
import { ApiError, type FileId, type UserId } from '@sotto/api';
import type { Blobs } from '@sotto/runtime';
import type { Kysely } from 'kysely';
import type { Events } from './events.ts';
import type { FileTables } from './schema.ts';
import { forget, type Leftover, markDeleting, markDeletingOwned } from './store.ts';

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

/** Undoes a failed upload as far as possible now. Never throws: the upload's own error is the one to tell. */
export async function discard(deps: DeletionDeps, id: FileId): Promise<void> {
  try {
    const leftover = await markDeleting(deps.query, id);
    if (leftover !== undefined) await remove(deps, leftover);
  } catch (error) {
    deps.events.leftover(error);
  }
}

/** Removes blob and row of a file that is hidden already. */
export async function remove({ query, blobs }: DeletionDeps, leftover: Leftover): Promise<void> {
  await blobs.delete(leftover.blobKey);
  await forget(query, leftover.id);
}
