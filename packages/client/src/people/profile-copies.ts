/**
 * The files that hold this account's picture. One is shared in a hundred conversations at most, so there may be several
 * of one picture; each conversation is named one of them.
 */
import { type ConversationId, FileId, UserId } from '@sotto/api';
import { deleteFile, grantFile } from '@sotto/api/files';
import * as z from 'zod/mini';
import { isProblem } from '../errors.ts';
import { lengthsOf } from '../files/file-lengths.ts';
import { upload } from '../files/file-upload.ts';
import type { UploadDeps } from '../files/file-upload-job.ts';
import { keys } from '../store/key-space.ts';
import { getRecord, putRecord } from '../store/stored-record.ts';
import type { SessionsDeps } from '../trust/sessions.ts';
import { getSpread, noteObsolete, putSpread } from './own-profile.ts';
import type { PictureReference } from './picture.ts';
import { getProfile, type ProfileRecord, putProfile } from './profile.ts';
import { openPicture } from './profile-picture.ts';

/** Which copy the members of a conversation may read. */
const PictureGrant = z.object({ file: FileId });

export type CopyDeps = UploadDeps & SessionsDeps;

/**
 * A file with the picture that the members of a conversation may read; undefined when the profile has no picture, or it
 * is lost. Throws as uploads do.
 */
export async function shareCopy(
  deps: CopyDeps,
  conversation: ConversationId,
  profile: ProfileRecord,
): Promise<PictureReference | undefined> {
  if (profile.picture === undefined) return undefined;
  const granted = await deps.store.transaction((transaction) =>
    getRecord(transaction, keys.pictureGrant(conversation), PictureGrant),
  );
  const known = profile.copies.find(({ id }) => id === granted?.file);
  if (known !== undefined) return known;
  const copy =
    (await grantNewest(deps, conversation, profile)) ??
    (await makeCopy(deps, conversation, profile));
  if (copy === undefined) return undefined;
  await deps.store.transaction((transaction) =>
    putRecord(transaction, keys.pictureGrant(conversation), [PictureGrant, { file: copy.id }]),
  );
  return copy;
}

/** Deletes the files of pictures that were there before, once nobody is told of them any more. */
export async function deleteObsolete({ store, call }: CopyDeps): Promise<void> {
  const { obsolete } = await store.transaction(getSpread);
  for (const id of obsolete) {
    await call(deleteFile, { params: { id } }).catch((error) => {
      if (!isProblem(error, 'file.not-found')) throw error;
    });
  }
  await store.transaction(async (transaction) => {
    const now = await getSpread(transaction);
    const left = now.obsolete.filter((id) => !obsolete.includes(id));
    await putSpread(transaction, { ...now, obsolete: left });
  });
}

/** The copy that was made last has room, if any has. */
async function grantNewest(
  { call }: CopyDeps,
  conversation: ConversationId,
  { copies }: ProfileRecord,
): Promise<PictureReference | undefined> {
  const newest = copies.at(-1);
  if (newest === undefined) return undefined;
  try {
    await call(grantFile, { params: { id: newest.id }, body: { conversation } });
    return newest;
  } catch (error) {
    if (isProblem(error, 'file.grant-limit', 'file.not-found')) return undefined;
    throw error;
  }
}

async function makeCopy(
  deps: CopyDeps,
  conversation: ConversationId,
  { picture, time }: ProfileRecord,
): Promise<PictureReference | undefined> {
  const user = UserId.parse(deps.local.address.user);
  const opened = await openPicture(deps, user);
  if (opened === undefined || picture === undefined) return undefined;
  const { type: mediaType, hash: name } = picture;
  const { bytes: data } = opened;
  const size = data.length;
  const input = { name, type: mediaType, data };
  const job = { input, conversation, lengths: lengthsOf(size), storeKey: undefined };
  const copy = { ...(await upload(deps, job)), name, mediaType, size };
  await deps.store.transaction(async (transaction) => {
    const now = await getProfile(transaction, user);
    if (now?.time !== time) return noteObsolete(transaction, [copy.id]);
    await putProfile(transaction, user, { ...now, copies: [...now.copies, copy] });
  });
  return copy;
}
