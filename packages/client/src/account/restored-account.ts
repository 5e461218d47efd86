/** A store that a backup was restored into, before a device of its account has logged in. */
import { UserId } from '@sotto/api';
import * as z from 'zod/mini';
import { ClientError } from '../errors.ts';
import { keys } from '../store/key-space.ts';
import type { StoreTransaction } from '../store/store.ts';
import { getRecord } from '../store/stored-record.ts';

/** Whose backup it is. */
export const Restored = z.object({
  user: UserId,
  username: z.string(),
  /** Set while records are being written. */
  isUnfinished: z.optional(z.boolean()),
});
export type Restored = z.infer<typeof Restored>;

/** Whose backup was restored here; undefined for any other store. Throws `backup.unfinished`. */
export async function restoredAccount(
  transaction: StoreTransaction,
): Promise<Restored | undefined> {
  const restored = await getRecord(transaction, keys.restored, Restored);
  if (!restored?.isUnfinished) return restored;
  throw new ClientError(
    'backup.unfinished',
    'the store holds a part of a backup: restore it again',
  );
}
