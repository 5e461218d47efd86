/**
 * Whom this account has blocked. The platform keeps the list and goes by it; this device remembers it, to show nothing
 * of those people and to tell them nothing.
 */
import { blockUser, listBlocks, UserId, unblockUser } from '@sotto/api';
import type { Call } from '../connection/call.ts';
import type { Events } from '../events.ts';
import { keys } from '../store/key-space.ts';
import type { Store, StoreTransaction } from '../store/store.ts';
import { entriesUnder } from '../store/stored-record.ts';

export interface BlocksDeps {
  readonly store: Store;
  readonly call: Call;
  readonly events: Events;
}

/** All throw what calls throw. */
export interface Blocks {
  list(): Promise<UserId[]>;
  add(user: UserId): Promise<void>;
  remove(user: UserId): Promise<void>;
}

/** The blocks of one account. */
export function createBlocks({ store, call, events }: BlocksDeps): Blocks {
  /** Of those made from here: a list that was asked for before one of them does not know it. */
  let changes = 0;

  async function remember(standing: ReadonlyMap<UserId, boolean>): Promise<void> {
    const changed = await store.transaction(async (transaction) => {
      const users: UserId[] = [];
      for (const [user, isBlocked] of standing) {
        if (await mark(transaction, user, isBlocked)) users.push(user);
      }
      return users;
    });
    for (const user of changed) events.emit('profile', { user });
  }

  return {
    async list() {
      const before = changes;
      const { users } = await call(listBlocks, {});
      if (changes !== before) return users;
      const known = await store.transaction(listMarked);
      const standing = new Map(known.map((user) => [user, false]));
      for (const user of users) standing.set(user, true);
      await remember(standing);
      return users;
    },
    async add(user) {
      await call(blockUser, { params: { user_id: user } });
      changes += 1;
      await remember(new Map([[user, true]]));
    },
    async remove(user) {
      await call(unblockUser, { params: { user_id: user } });
      changes += 1;
      await remember(new Map([[user, false]]));
    },
  };
}

/** Whether that is news. */
async function mark(
  transaction: StoreTransaction,
  user: UserId,
  isBlocked: boolean,
): Promise<boolean> {
  const key = keys.block(user);
  const wasBlocked = (await transaction.get(key)) !== undefined;
  if (wasBlocked === isBlocked) return false;
  await (isBlocked ? transaction.put(key, new Uint8Array(0)) : transaction.delete(key));
  return true;
}

async function listMarked(transaction: StoreTransaction): Promise<UserId[]> {
  const users: UserId[] = [];
  for await (const { key } of entriesUnder(transaction, keys.blocks)) {
    users.push(UserId.parse(key.slice(keys.blocks.length)));
  }
  return users;
}
