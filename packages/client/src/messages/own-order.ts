/**
 * Messages of this device stand in the order in which it has sent them. Read marks go by places: a platform that turned
 * two of them around could keep one from everybody, and have it shown as read.
 */
import { type ConversationId, Seq } from '@sotto/api';
import * as z from 'zod/mini';
import { ClientError } from '../errors.ts';
import { keys } from '../store/key-space.ts';
import type { StoreTransaction } from '../store/store.ts';
import { getRecord, putRecord } from '../store/stored-record.ts';

/** The message of this device that stands last in a conversation: its own number and its place. */
const OwnLast = z.object({ counter: z.int(), seq: Seq });

/** Takes down where a message stands. Throws `answer.invalid` when one that was sent earlier stands behind it. */
export async function noteOwnPlace(
  transaction: StoreTransaction,
  conversation: ConversationId,
  place: z.infer<typeof OwnLast>,
): Promise<void> {
  const key = keys.ownLast(conversation);
  const last = await getRecord(transaction, key, OwnLast);
  // Answers may overtake each other.
  const isBefore = last !== undefined && place.counter < last.counter;
  if (last !== undefined && isBefore !== place.seq < last.seq) {
    throw new ClientError('answer.invalid', 'our messages do not stand in the order of sending');
  }
  if (!isBefore) await putRecord(transaction, key, [OwnLast, place]);
}
