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
  // What one device says of its time rises; when the platform got it is the platform's word, which must turn nothing around.
  const said = known?.said;
  const isOlder =
    said?.by === by ? control.time <= said.at : known !== undefined && time <= known.time;
  if (isOlder && !isWrong) return;
  const { name, picture } = control;
  const record: ProfileRecord = {
    ...{ time, name },
    ...(control.time <= deps.clock() && { said: { by, at: control.time } }),
    picture: picture && { type: picture.mediaType, hash: picture.name },
    copies: picture ? [picture] : [],
  };
  await (isOwn ? replaceProfile : putProfile)(transaction, user, record);
  const isBlocked = (await transaction.get(keys.block(user))) !== undefined;
  if (!isBlocked) later.push(() => events.emit('profile', { user }));
};
