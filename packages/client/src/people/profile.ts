/** What people show of themselves: a display name and a picture, as this device knows them. The newest of each counts. */
import { DeviceId, type UserId } from '@sotto/api';
import * as z from 'zod/mini';
import { PROFILE_NAME_LENGTH_MAX } from '../limits.ts';
import { WellFormedText } from '../messages/well-formed-text.ts';
import { keys } from '../store/key-space.ts';
import type { StoreTransaction } from '../store/store.ts';
import { getRecord, putRecord } from '../store/stored-record.ts';
import { PictureReference, PictureType } from './picture.ts';

/** What somebody shows of themselves. Anybody may take any name: only `username` is one account's. */
export interface Profile {
  readonly user: UserId;
  /** When it was made, in milliseconds since 1970; never after the platform got it. */
  readonly time: number;
  readonly name?: string;
  /** `openPicture` gives it. */
  readonly hasPicture: boolean;
}

/** Line breaks and what turns the direction of text around would reach beyond the name, into what stands beside it. */
const UNFIT = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;

/** Blanks of any width are no name. */
const VISIBLE = /[\p{L}\p{N}\p{P}\p{S}]/u;

/** A name as it is shown. */
export const ProfileName = WellFormedText.check(
  z.minLength(1),
  z.maxLength(PROFILE_NAME_LENGTH_MAX),
  z.refine((name) => name.trim() === name && VISIBLE.test(name) && !UNFIT.test(name), 'not a name'),
);

/** A profile, of this account too. */
export const ProfileRecord = z.object({
  time: z.number(),
  name: z.optional(ProfileName),
  picture: z.optional(z.object({ type: PictureType, hash: z.string() })),
  /** Whose word it is, and the time by that device's clock; absent of what was set here. */
  said: z.optional(z.object({ by: DeviceId, at: z.number() })),
  /** The files that hold the picture: of others the one that they named. */
  copies: z.array(PictureReference),
});
export type ProfileRecord = z.infer<typeof ProfileRecord>;

/** What a user shows, whoever it is. */
export function getProfile(
  transaction: StoreTransaction,
  user: UserId,
): Promise<ProfileRecord | undefined> {
  return getRecord(transaction, keys.profile(user), ProfileRecord);
}

/** The same; nothing of those whom this account has blocked. */
export async function getShownProfile(
  transaction: StoreTransaction,
  user: UserId,
): Promise<ProfileRecord | undefined> {
  const isBlocked = (await transaction.get(keys.block(user))) !== undefined;
  return isBlocked ? undefined : getProfile(transaction, user);
}

/** Writes a profile. A picture of before is forgotten. */
export async function putProfile(
  transaction: StoreTransaction,
  user: UserId,
  profile: ProfileRecord,
): Promise<void> {
  const before = await getProfile(transaction, user);
  if (before?.picture?.hash !== profile.picture?.hash) await transaction.delete(keys.picture(user));
  await putRecord(transaction, keys.profile(user), [ProfileRecord, profile]);
}

/** What an application shows of a user. */
export async function readProfile(
  transaction: StoreTransaction,
  user: UserId,
): Promise<Profile | undefined> {
  const record = await getShownProfile(transaction, user);
  if (record === undefined) return undefined;
  const { time, name, picture } = record;
  return { user, time, ...(name !== undefined && { name }), hasPicture: picture !== undefined };
}
