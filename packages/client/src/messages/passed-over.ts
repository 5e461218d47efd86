/**
 * Conversations that were acknowledged and not kept, as nothing could be made of them: groups whose log was refused, or
 * could not be judged. Each is noted until it was read up to the platform's cursor.
 */
import { ConversationId } from '@sotto/api';
import { Cursor } from '../account/records.ts';
import { keys } from '../store/key-space.ts';
import type { Store, StoreTransaction } from '../store/store.ts';
import { entriesUnder, getRecord, putRecord } from '../store/stored-record.ts';

/** Notes behind which place a conversation is still to be read, though the platform takes it for acknowledged. */
export async function notePassedOver(
  transaction: StoreTransaction,
  conversation: ConversationId,
  seq: number,
): Promise<void> {
  const key = keys.passedOver(conversation);
  const known = await getRecord(transaction, key, Cursor);
  if (known === undefined || seq < known.seq) await putRecord(transaction, key, [Cursor, { seq }]);
}

/** Those that are `isBegun`, which can be read now, or those of which this device has not seen a sound log yet. */
export function listPassedOver(
  store: Store,
  { isBegun }: { readonly isBegun: boolean },
): Promise<ConversationId[]> {
  return store.transaction(async (transaction) => {
    const found: ConversationId[] = [];
    for await (const { key } of entriesUnder(transaction, keys.allPassedOver)) {
      const conversation = ConversationId.parse(key.slice(keys.allPassedOver.length));
      const cursor = await transaction.get(keys.cursor(conversation));
      if ((cursor !== undefined) === isBegun) found.push(conversation);
    }
    return found;
  });
}

/** For a conversation of which the platform shows nothing any more. */
export function forgetPassedOver(store: Store, conversation: ConversationId): Promise<void> {
  return store.transaction((transaction) => transaction.delete(keys.passedOver(conversation)));
}
