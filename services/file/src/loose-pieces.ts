/**
 * Pieces that no upload has: not yet, because they are only being stored, or no longer, because others have their bytes.
 *
 * Each has a row here before the store has it, or from the commit on that takes it out of its upload, and until the store
 * has it no more. So a row names all that lies in the store, wherever a process dies, and whatever the store refuses.
 */
import type { Blobs } from '@sotto/runtime';
import { type Kysely, sql, type Transaction } from 'kysely';
import { isBackupUnderWay } from './backup-pause.ts';
import type { Events } from './events.ts';
import { LOOSE_MAX, PENDING_MS } from './limits.ts';
import { removeEach } from './removals.ts';
import type { FileTables } from './schema.ts';

type Query = Kysely<FileTables>;

/** Says that a piece will be stored. Call it before that. */
export async function announcePiece(query: Query, blobKey: string): Promise<void> {
  await query.insertInto('loose_pieces').values({ blob_key: blobKey, is_coming: true }).execute();
}

/** An upload has these from now on. Throws when one of them took so long that it was given up, and may be gone. */
export async function fastenPieces(
  transaction: Transaction<FileTables>,
  keys: readonly string[],
): Promise<void> {
  const { numDeletedRows } = await transaction
    .deleteFrom('loose_pieces')
    .where('blob_key', 'in', keys)
    .where('is_coming', '=', true)
    .executeTakeFirstOrThrow();
  if (numDeletedRows !== BigInt(keys.length))
    throw new Error('a piece was given up before it counted');
}

/** No upload has these any more, once this is committed. */
export async function loosenPieces(
  transaction: Transaction<FileTables>,
  keys: readonly string[],
): Promise<void> {
  const rows = keys.map((blob_key) => ({ blob_key, is_coming: false }));
  await transaction.insertInto('loose_pieces').values(rows).execute();
}

export interface LoosePieceDeps {
  query: Query;
  blobs: Blobs;
}

/** Removes a piece that no upload has, and then its row. Any number may do so at once. */
export async function removePiece(
  { query, blobs }: LoosePieceDeps,
  blobKey: string,
): Promise<void> {
  await blobs.delete(blobKey);
  await query.deleteFrom('loose_pieces').where('blob_key', '=', blobKey).execute();
}

export interface LooseSweep extends LoosePieceDeps {
  events: Pick<Events, 'swept' | 'leftover'>;
  now: number;
  /** Ends it early. */
  signal: AbortSignal;
}

/** Removes what those have left who were to remove it, or died before it counted. */
export async function removeLoose(deps: LooseSweep): Promise<void> {
  const { query, events, now, signal } = deps;
  if (await isBackupUnderWay(query)) return;
  // Of these two one comes first: what is given up here is not fastened any more, and what is fastened is not here.
  await query
    .updateTable('loose_pieces')
    .set({ is_coming: false })
    .where('is_coming', '=', true)
    .where('made_at', '<', new Date(now - PENDING_MS))
    .execute();
  // In any order: several that cannot be removed are not always the first.
  const loose = await query
    .selectFrom('loose_pieces')
    .select('blob_key')
    .where('is_coming', '=', false)
    .orderBy(sql`random()`)
    .limit(LOOSE_MAX)
    .execute();
  const removeOne = async ({ blob_key }: { blob_key: string }) => {
    await removePiece(deps, blob_key);
    events.swept();
  };
  await removeEach(loose, removeOne, { signal, onFailure: events.leftover });
}
