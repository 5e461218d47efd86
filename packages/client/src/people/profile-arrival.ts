/** Profiles on their way in. */

import type { ControlHandler } from '../messages/opening.ts';
import { keys } from '../store/key-space.ts';
import { replaceProfile } from './own-profile.ts';
import { getProfile, type ProfileRecord, putProfile } from './profile.ts';

/**
 * Takes a profile in that is newer than the one known. Strangers are believed too, for a person must know who asks; what
 * somebody shows who is blocked is kept and not shown.
 */
export const takeProfile: ControlHandler<'profile'> = async (deps, arrival, control) => {
  const { transaction, events, later } = deps;
  const { user, device: by } = arrival.sender;
  // A clock that runs ahead must not keep what comes later from counting.
  const time = Math.min(control.time, Date.parse(arrival.sentAt));
  const isOwn = user === deps.local.address.user;
  const known = await getProfile(transaction, user);
  // One that this device made by a clock that was wrong counts no more, for nothing would ever be newer.
  const isWrong = isOwn && known !== undefined && known.time > deps.clock();
  const said = { by, at: control.time };
  if (known && !isWrong && isOlder({ time, said }, known, deps.clock())) return;
  const { name, picture } = control;
  const record: ProfileRecord = {
    ...{ time, name, said },
    picture: picture && { type: picture.mediaType, hash: picture.name },
    copies: picture ? [picture] : [],
  };
  await (isOwn ? replaceProfile : putProfile)(transaction, user, record);
  const isBlocked = (await transaction.get(keys.block(user))) !== undefined;
  if (!isBlocked) later.push(() => events.emit('profile', { user }));
};

type Said = NonNullable<ProfileRecord['said']>;

/**
 * By what the devices say of their time, unless it is ahead of ours. When the platform got a profile is the platform's word,
 * which must turn nothing around.
 */
function isOlder(
  { time, said }: Pick<ProfileRecord, 'time'> & { readonly said: Said },
  known: ProfileRecord,
  now: number,
): boolean {
  const knownAt = known.said && known.said.at <= now ? known.said.at : undefined;
  // What one device says rises, whatever its clock.
  if (knownAt !== undefined && said.by === known.said?.by) return said.at <= knownAt;
  const at = said.at <= now ? said.at : time;
  return at <= Math.max(known.time, knownAt ?? 0);
}
