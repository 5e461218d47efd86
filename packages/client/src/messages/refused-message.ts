/** Messages that the platform has refused for good: their content stays until their owner takes it back. */
import { ConversationId, type MessageId } from '@sotto/api';
import * as z from 'zod/mini';
import { keys } from '../store/key-space.ts';
import type { StoreTransaction } from '../store/store.ts';
import { getRecord, putRecord } from '../store/stored-record.ts';
import { OutboxEntry } from './outbox-entry.ts';

/** In which conversation it lies: whoever asks what has become of a message knows its id alone. */
const Refused = z.object({ conversation: ConversationId });

/** Keeps what was refused. */
export async function putRefused(transaction: StoreTransaction, entry: OutboxEntry): Promise<void> {
  const { conversation, id } = entry;
  await putRecord(transaction, keys.failed(conversation, id), [OutboxEntry, entry]);
  await noteRefused(transaction, entry);
}

/** Keeps only that a message was refused, for whoever waits for it. */
export function noteRefused(
  transaction: StoreTransaction,
  { conversation, id }: OutboxEntry,
): Promise<void> {
  return putRecord(transaction, keys.refused(id), [Refused, { conversation }]);
}

/** A message of a conversation that was refused; undefined when there is none of this id. */
export function getRefused(
  transaction: StoreTransaction,
  conversation: ConversationId,
  id: MessageId,
): Promise<OutboxEntry | undefined> {
  return getRecord(transaction, keys.failed(conversation, id), OutboxEntry);
}

/** Whether a message of ours was refused, in any conversation. */
export async function wasRefused(transaction: StoreTransaction, id: MessageId): Promise<boolean> {
  return (await transaction.get(keys.refused(id))) !== undefined;
}

/** Its owner has taken it back. */
export async function deleteRefused(
  transaction: StoreTransaction,
  { conversation, id }: OutboxEntry,
): Promise<void> {
  await transaction.delete(keys.failed(conversation, id));
  await transaction.delete(keys.refused(id));
}
