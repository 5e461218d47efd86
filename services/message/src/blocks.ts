/**
 * Blocks: what one user sends another in their own conversation is taken and thrown away, and the sender hears what it
 * always hears. In groups a block changes nothing that is said; whoever blocked gets nothing of
 * those to which the blocked one adds them, nor of those to which they have and which the blocker has not accepted.
 */
import { ApiError, type DeviceId, type UserId } from '@sotto/api';
import type { Outbox } from '@sotto/runtime';
import type { Audience } from './audience.ts';
import { type BlockDatabase, deleteBlock, insertBlock, renewDirect } from './block-store.ts';
import type { Copies } from './copies.ts';
import { deafen } from './deafness-store.ts';
import type { Live } from './live.ts';
import { deviceBytes, withoutDevices } from './packed-recipients.ts';

export interface BlocksDeps {
  outbox: Pick<Outbox, 'nudge'>;
  database: BlockDatabase;
  copies: Pick<Copies, 'hasUser'>;
  live: Pick<Live, 'changeRelations'>;
}

/**
 * Blocks a user; again is no fault. When it resolves, no later message of theirs is stored for the blocker's devices, on
 * any node. Throws `request.invalid` for oneself, `user.not-found` and `user.block-limit`.
 */
export async function block(
  { database, copies, live, outbox }: BlocksDeps,
  blocker: UserId,
  blocked: UserId,
): Promise<void> {
  if (blocker === blocked) {
    const detail = 'nobody blocks themselves';
    throw new ApiError('request.invalid', { detail, fields: ['user_id'] });
  }
  if (!(await copies.hasUser(blocked))) throw new ApiError('user.not-found');
  const outcome = await insertBlock(database, { blocker, blocked });
  if (outcome === 'gone') throw new ApiError('user.not-found');
  if (outcome === 'full') throw new ApiError('user.block-limit');
  // Also when it was there before: the request that wrote it may have died behind it.
  await renewDirect(database, { blocker, blocked });
  const groups = await deafen(database, { blocker, blocked });
  live.changeRelations({ users: [blocker, blocked] });
  for (const conversation of groups) live.changeRelations({ users: [blocker], conversation });
  if (groups.length > 0) outbox.nudge();
}

/** Lifts a block. What was thrown away does not come back. */
export async function unblock(
  { database, live }: Pick<BlocksDeps, 'database' | 'live'>,
  blocker: UserId,
  blocked: UserId,
): Promise<void> {
  await deleteBlock(database, { blocker, blocked });
  await renewDirect(database, { blocker, blocked });
  live.changeRelations({ users: [blocker, blocked] });
}

/** What a sender's message leaves of itself in a conversation: without the ciphertexts for those who have blocked them. */
export function withoutBlockers(packed: Buffer, { room, lists }: Audience, sender: UserId): Buffer {
  // So it is nearly always, and this is asked for every message.
  if (room.blockers.length === 0) return packed;
  const deaf = room.blockers.filter((user) => user !== sender);
  if (deaf.length === 0) return packed;
  const devices = lists.flatMap(({ user, devices }): readonly DeviceId[] => {
    return deaf.includes(user) ? devices : [];
  });
  return withoutDevices(packed, devices.map(deviceBytes)) ?? packed;
}
