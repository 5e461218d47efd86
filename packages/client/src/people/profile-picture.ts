/** Somebody's picture: from the store, or from the platform the first time. */
import type { UserId } from '@sotto/api';
import { ClientError, isProblem } from '../errors.ts';
import type { UploadDeps } from '../files/file-upload-job.ts';
import { openReference } from '../files/files.ts';
import { keys } from '../store/key-space.ts';
import { isOfType, type Picture } from './picture.ts';
import { getShownProfile, type ProfileRecord } from './profile.ts';

/**
 * The picture that a user shows, undefined when there is none or the platform does not have it any more. Throws
 * `file.damaged` when what lies there is not it, and what calls throw.
 */
export async function openPicture(deps: UploadDeps, user: UserId): Promise<Picture | undefined> {
  const { store } = deps;
  const known = await store.transaction(async (transaction) => {
    const profile = await getShownProfile(transaction, user);
    if (profile?.picture === undefined) return undefined;
    return { ...profile.picture, profile, bytes: await transaction.get(keys.picture(user)) };
  });
  if (known === undefined) return undefined;
  const { type, hash, profile } = known;
  const bytes = known.bytes ?? (await fetchPicture(deps, profile));
  if (bytes === undefined) return undefined;
  if (!isOfType(bytes, type)) throw new ClientError('file.damaged', 'the file holds no picture');
  if (known.bytes !== undefined) return { type, bytes };
  await store.transaction(async (transaction) => {
    const now = await getShownProfile(transaction, user);
    if (now?.picture?.hash === hash) await transaction.put(keys.picture(user), bytes);
  });
  return { type, bytes };
}

async function fetchPicture(
  deps: UploadDeps,
  { copies }: ProfileRecord,
): Promise<Uint8Array | undefined> {
  for (const copy of copies) {
    try {
      const { stream } = await openReference(deps, copy, {});
      return new Uint8Array(
        await new Response(stream as ReadableStream<Uint8Array<ArrayBuffer>>).arrayBuffer(),
      );
    } catch (error) {
      if (!isProblem(error, 'file.not-found')) throw error;
    }
  }
  return undefined;
}
