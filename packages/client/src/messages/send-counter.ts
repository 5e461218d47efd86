/**
 * The numbers that this device gives its messages within each conversation. Who receives them drops a number that came
 * before, so none is ever given twice: also not by a store that is behind what another copy of it has sent.
 */
import type { ConversationId } from '@sotto/api';
import { keys } from '../store/key-space.ts';
import type { StoreTransaction } from '../store/store.ts';
import { Counter, entriesUnder, getRecord, putRecord, takeNumber } from '../store/stored-record.ts';

/** The number of the next message, taken. */
export async function takeSendNumber(
  transaction: StoreTransaction,
  conversation: ConversationId,
): Promise<number> {
  const key = keys.sendCounter(conversation);
  const lowest = await getRecord(transaction, keys.sendCounterLowest, Counter);
  if (lowest !== undefined && (await transaction.get(key)) === undefined) {
    await putRecord(transaction, key, [Counter, lowest]);
  }
  return takeNumber(transaction, key);
}

/** The number of the newest message, 0 before the first one. */
export async function lastSendNumber(
  transaction: StoreTransaction,
  conversation: ConversationId,
): Promise<number> {
  const lowest = await getRecord(transaction, keys.sendCounterLowest, Counter);
  const counter = await getRecord(transaction, keys.sendCounter(conversation), Counter);
  return (counter ?? lowest ?? { next: 1 }).next - 1;
}

/** Leaves out as many numbers in every conversation, also in those that only the other copy has begun. */
export async function skipSendNumbers(transaction: StoreTransaction, count: number): Promise<void> {
  const raise = async (key: string) => {
    const { next } = (await getRecord(transaction, key, Counter)) ?? { next: 1 };
    await putRecord(transaction, key, [Counter, { next: next + count }]);
  };
  for await (const { key } of entriesUnder(transaction, keys.sendCounters)) await raise(key);
  await raise(keys.sendCounterLowest);
}
