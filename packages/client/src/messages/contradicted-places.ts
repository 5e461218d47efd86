/**
 * Places of which the platform has said that they held nothing for this device, until something came there after all. It
 * is taken in, since else one false word would make a conversation deaf; but nobody is to find it above what they have
 * read as if it had always been there.
 */
import type { ConversationId } from '@sotto/api';
import { Cursor } from '../account/records.ts';
import { keys } from '../store/key-space.ts';
import type { StoreTransaction } from '../store/store.ts';
import { getRecord, putRecord } from '../store/stored-record.ts';
import type { AnyMessage } from './history-item.ts';

/** The place up to which nothing that the platform has said of empty places counts; 0 when it never lied. */
export async function contradictedUpTo(
  transaction: StoreTransaction,
  conversation: ConversationId,
): Promise<number> {
  return (await getRecord(transaction, keys.contradicted(conversation), Cursor))?.seq ?? 0;
}

/** Takes down that the platform had said so of all places up to `seq`. */
export async function noteContradicted(
  transaction: StoreTransaction,
  conversation: ConversationId,
  seq: number,
): Promise<void> {
  await putRecord(transaction, keys.contradicted(conversation), [Cursor, { seq }]);
}

/** A message from among such places: it comes late when anything was shown behind it. */
export async function inItsOrder(
  transaction: StoreTransaction,
  item: AnyMessage,
): Promise<AnyMessage> {
  if (item.type !== 'message') return item;
  const { conversation, seq } = item;
  const range = { prefix: keys.messages(conversation), after: keys.message(conversation, seq) };
  const behind = await transaction.list({ ...range, limit: 1 });
  return behind.length > 0 ? { ...item, order: 'late' } : item;
}
