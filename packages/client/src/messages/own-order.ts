/**
 * Messages of this device stand in the order in which it has sent them, unless the platform turns them around: that is
 * shown. It is held against the message before alone, so that one false place is forgotten with the next true one.
 */
import { type ConversationId, Seq } from '@sotto/api';
import * as z from 'zod/mini';
import { keys } from '../store/key-space.ts';
import type { StoreTransaction } from '../store/store.ts';
import { getRecord, putRecord } from '../store/stored-record.ts';
import type { Message } from './history-item.ts';

/** The message of this device that was sent last of all that are stored in a conversation: its own number and its place. */
const OwnLast = z.object({ counter: z.int(), seq: Seq });

/** Takes down where a message stands: `late` when it is not where it was sent. */
export async function noteOwnPlace(
  transaction: StoreTransaction,
  conversation: ConversationId,
  place: z.infer<typeof OwnLast>,
): Promise<Message['order']> {
  const key = keys.ownLast(conversation);
  const last = await getRecord(transaction, key, OwnLast);
  // Answers may overtake each other.
  const isBefore = last !== undefined && place.counter < last.counter;
  if (!isBefore) await putRecord(transaction, key, [OwnLast, place]);
  return last !== undefined && isBefore !== place.seq < last.seq ? 'late' : 'next';
}
