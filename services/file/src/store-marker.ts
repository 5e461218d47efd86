/**
 * A mark in the store that says whose it is: a blob under a key that all platforms know, with the id of one in it.
 *
 * Without it two platforms that are given the same bucket by mistake take each other's blobs for nobody's.
 */
import type { Blobs } from '@sotto/runtime';
import type { Kysely } from 'kysely';
import type { FileTables } from './schema.ts';

/** A UUID as all keys are, and never one of a file: those are random. */
export const MARKER_KEY = '736f7474-6f00-4000-8000-000000000001';

const ID_BYTES = 36;

export interface MarkerDeps {
  query: Kysely<FileTables>;
  blobs: Blobs;
}

/**
 * Whose the store is. One that is nobody's is `claimed` by this: whether another platform claims it in the same moment
 * shows the next time, so remove nothing until then. Throws what store and database throw.
 */
export async function claimStore({
  query,
  blobs,
}: MarkerDeps): Promise<'ours' | 'claimed' | 'foreign'> {
  const { id } = await query.selectFrom('platform').select('id').executeTakeFirstOrThrow();
  const owner = await findOwner(blobs);
  if (owner === undefined) {
    await blobs.put(MARKER_KEY, new TextEncoder().encode(id));
    return 'claimed';
  }
  return owner === id ? 'ours' : 'foreign';
}

/** The id of the platform that has claimed a store, '' for a mark that names none; undefined when nobody has. */
export async function findOwner(blobs: Pick<Blobs, 'get'>): Promise<string | undefined> {
  const marker = await blobs.get(MARKER_KEY);
  if (marker === undefined) return undefined;
  if (marker.size !== ID_BYTES) {
    await marker.body.cancel();
    return '';
  }
  return await new Response(marker.body).text();
}
