/** The profile of this account: changed here, or on another of its devices. */
import { encodeBase64url, FileId, UserId } from '@sotto/api';
import * as z from 'zod/mini';
import { ClientError } from '../errors.ts';
import { keys } from '../store/key-space.ts';
import type { Store, StoreTransaction } from '../store/store.ts';
import { getRecord, putRecord } from '../store/stored-record.ts';
import type { SessionsDeps } from '../trust/sessions.ts';
import { type Picture, pictureType } from './picture.ts';
import { getProfile, ProfileName, type ProfileRecord, putProfile } from './profile.ts';

/** What is to change: what is left out stays, null takes it away. */
export interface ProfileChange {
  /** At most 64 characters, without line breaks, and without blanks at its ends. */
  readonly name?: string | null;
  /** At most 256 KiB. */
  readonly picture?: Picture | null;
}

/** How far the account's profile has got around. */
const ProfileSpread = z.object({
  /** The profile that everybody was told who is to know it. */
  time: z.number(),
  /** Files of pictures that the account does not show any more. */
  obsolete: z.array(FileId),
});
type ProfileSpread = z.infer<typeof ProfileSpread>;

/**
 * Changes the account's profile in the store. Throws `content.invalid` for a name or a picture that cannot be shown,
 * and `file.size`; nothing has changed then. Gives the account.
 */
export async function changeProfile(
  deps: SessionsDeps & { readonly store: Store },
  { name, picture }: ProfileChange,
): Promise<UserId> {
  if (typeof name === 'string' && !ProfileName.safeParse(name).success) {
    throw new ClientError('content.invalid', 'a name is a line of 64 characters at most');
  }
  const type = picture ? pictureType(picture) : undefined;
  const user = UserId.parse(deps.local.address.user);
  await deps.store.transaction(async (transaction) => {
    const before = await getProfile(transaction, user);
    // Behind the one before it, whatever the clock says: the newest counts.
    const time = Math.max(deps.clock(), (before?.time ?? 0) + 1);
    const shown = {
      name: name === undefined ? before?.name : (name ?? undefined),
      picture: picture === undefined ? before?.picture : undefined,
    };
    if (picture && type) {
      shown.picture = { type, hash: encodeBase64url(deps.provider.sha256(picture.bytes)) };
    }
    await replaceProfile(transaction, user, { time, ...shown, copies: [] });
    if (picture) await transaction.put(keys.picture(user), picture.bytes);
  });
  return user;
}

/** Writes another profile of the account. Copies of a picture that stays are kept; others are to be deleted. */
export async function replaceProfile(
  transaction: StoreTransaction,
  user: UserId,
  next: ProfileRecord,
): Promise<void> {
  const before = await getProfile(transaction, user);
  const copies = before?.copies.filter(({ id }) => next.copies.every((copy) => copy.id !== id));
  const isSame = before?.picture?.hash === next.picture?.hash;
  const kept = isSame ? (copies ?? []) : [];
  await putProfile(transaction, user, { ...next, copies: [...kept, ...next.copies] });
  if (!isSame) await noteObsolete(transaction, copies?.map(({ id }) => id) ?? []);
}

/** Takes down files that are of no use any more. */
export async function noteObsolete(
  transaction: StoreTransaction,
  files: readonly FileId[],
): Promise<void> {
  const { time, obsolete } = await getSpread(transaction);
  await putSpread(transaction, { time, obsolete: [...obsolete, ...files] });
}

/** How far the profile has got around; of none not at all. */
export async function getSpread(transaction: StoreTransaction): Promise<ProfileSpread> {
  const spread = await getRecord(transaction, keys.profileSpread, ProfileSpread);
  return spread ?? { time: 0, obsolete: [] };
}

/** Writes that. */
export function putSpread(transaction: StoreTransaction, spread: ProfileSpread): Promise<void> {
  return putRecord(transaction, keys.profileSpread, [ProfileSpread, spread]);
}
