/**
 * Where a message belongs in its sender's own order that could not be read at its place and comes again. The sender's
 * count says it, which the platform cannot change.
 */
import { acceptCounter } from '@sotto/crypto';
import { SenderCounterRecord } from '../account/records.ts';
import { STORE_PAGE } from '../limits.ts';
import { HistoryItem, type Message, type UnreadableMessage } from '../messages/history-item.ts';
import { addressKey, keys } from '../store/key-space.ts';
import type { StoreTransaction } from '../store/store.ts';
import { decodeRecord, getRecord, putRecord } from '../store/stored-record.ts';

/**
 * Judges its number. It is in order when all that was counted before it came is less; then nothing is missing in front
 * of the next one any more. A number that came before is no reason to refuse it: its id says which message it is, and
 * takes effect once.
 */
export async function acceptRepaired(
  transaction: StoreTransaction,
  missed: UnreadableMessage,
  counter: number | undefined,
): Promise<Message['order']> {
  if (counter === undefined) return 'late';
  const { conversation, sender, after = 0 } = missed;
  const key = keys.senderCounter(conversation, sender);
  const before = await getRecord(transaction, key, SenderCounterRecord);
  if (before === undefined || counter > before.highest) {
    const { verdict, seen } = acceptCounter(before, counter);
    const record = { ...before, highest: seen.highest, missing: [...seen.missing] };
    await putRecord(transaction, key, [SenderCounterRecord, record]);
    return verdict;
  }
  const missing = before.missing.filter((number) => number !== counter);
  await putRecord(transaction, key, [SenderCounterRecord, { ...before, missing }]);
  if (counter <= after) return 'late';
  await closeGap(transaction, missed, counter);
  return missing.includes(counter - 1) ? 'gap' : 'next';
}

/** The next one was shown with a warning that something is missing in front of it. */
async function closeGap(
  transaction: StoreTransaction,
  { conversation, sender, seq }: UnreadableMessage,
  counter: number,
): Promise<void> {
  const behind = await transaction.list({
    prefix: keys.messages(conversation),
    after: keys.message(conversation, seq),
    limit: STORE_PAGE,
  });
  for (const { key, value } of behind) {
    const item = decodeRecord(HistoryItem, value);
    if (item.type !== 'message' || addressKey(item.sender) !== addressKey(sender)) continue;
    if (item.counter !== counter + 1) continue;
    if (item.order === 'gap') {
      await putRecord(transaction, key, [HistoryItem, { ...item, order: 'next' }]);
    }
    return;
  }
}
