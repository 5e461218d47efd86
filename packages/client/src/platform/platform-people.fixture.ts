/** What the platform of `platform.fixture.ts` knows of how people stand to each other. */
import type { UserId } from '@sotto/api';
import type { Handlers, Platform } from './platform-operations.fixture.ts';

const blocks = new WeakMap<Platform, Map<UserId, Set<UserId>>>();

/** Whom somebody has blocked, to be changed by a test as another device of theirs would. */
export function blocksOf(platform: Platform, user: UserId): Set<UserId> {
  const all = blocks.get(platform) ?? new Map<UserId, Set<UserId>>();
  const own = all.get(user) ?? new Set<UserId>();
  blocks.set(platform, all.set(user, own));
  return own;
}

export const peopleHandlers: Handlers = {
  listBlocks: (platform, { caller }) => ({ users: [...blocksOf(platform, caller.user)] }),
  blockUser(platform, { caller, params }) {
    blocksOf(platform, caller.user).add(params.user_id);
    return undefined;
  },
  unblockUser(platform, { caller, params }) {
    blocksOf(platform, caller.user).delete(params.user_id);
    return undefined;
  },
  acceptConversation: () => undefined,
};
