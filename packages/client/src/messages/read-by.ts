/**
 * How far other members have read, by their own word. A word about a message that has no place yet is kept until it has: of
 * what this device has sent, the platform may tell others before it tells us.
 */
import { type ConversationId, DeviceId, Seq, UserId } from '@sotto/api';
import * as z from 'zod/mini';
import { keys } from '../store/key-space.ts';
import type { StoreTransaction } from '../store/store.ts';
import { decodeRecord, entriesUnder, getRecord, putRecord } from '../store/stored-record.ts';
import type { AnyMessage, HistoryItem, Message } from './history-item.ts';
import { isSameReference, MessageReference, referenceOf } from './message-reference.ts';

/** How far a member has read. */
const ReadMark = z.object({
  user: UserId,
  seq: Seq,
  /**
   * The number of the message that they named, when one of our devices has sent it. What that device sent later is not read
   * by that, wherever the platform says that it stands: it could have kept it from everybody.
   */
  named: z.optional(z.object({ device: DeviceId, counter: z.int() })),
});
export type ReadMark = z.infer<typeof ReadMark>;

/** The last word of a member about a message that has not come. */
const WaitingRead = z.object({ user: UserId, upTo: MessageReference });

/** What a member says by naming an item, or a place of which nothing is left. */
export function readMarkAt(user: UserId, seq: number, item: HistoryItem | undefined): ReadMark {
  if (item?.type !== 'message' || !item.own || item.counter === undefined) return { user, seq };
  return { user, seq, named: { device: item.sender.device, counter: item.counter } };
}

/** Whether a member has read a message of ours. */
export function isReadBy({ seq, named }: ReadMark, item: Message): boolean {
  const isOfDevice = item.own && item.sender.device === named?.device;
  if (isOfDevice && item.counter !== undefined) return item.counter <= named.counter;
  return item.seq <= seq;
}

/** How far members have read. */
export async function readMarks(
  transaction: StoreTransaction,
  conversation: ConversationId,
): Promise<Map<UserId, ReadMark>> {
  const marks = new Map<UserId, ReadMark>();
  for await (const { value } of entriesUnder(transaction, keys.readsBy(conversation))) {
    const mark = decodeRecord(ReadMark, value);
    marks.set(mark.user, mark);
  }
  return marks;
}

/** Moves a member's mark; false when it is there, or further on. */
export async function putReadBy(
  transaction: StoreTransaction,
  conversation: ConversationId,
  read: ReadMark,
): Promise<boolean> {
  const key = keys.readBy(conversation, read.user);
  const before = await getRecord(transaction, key, ReadMark);
  if (before !== undefined && !isFurther(read, before)) return false;
  await putRecord(transaction, key, [ReadMark, read]);
  return true;
}

/** By our own numbers where there are any: one false place must not hold a mark up for ever. */
function isFurther({ seq, named }: ReadMark, before: ReadMark): boolean {
  if (named && named.device === before.named?.device) return named.counter > before.named.counter;
  return seq > before.seq;
}

/** Keeps a member's word about a message that has no place, in the place of their last one. */
export async function letReadWait(
  transaction: StoreTransaction,
  conversation: ConversationId,
  waiting: z.infer<typeof WaitingRead>,
): Promise<void> {
  const key = keys.waitingRead(conversation, waiting.user);
  await putRecord(transaction, key, [WaitingRead, waiting]);
}

/** To be called for each message that comes into the history: moves the marks that have waited for it. */
export async function applyWaitingReads(
  transaction: StoreTransaction,
  item: AnyMessage,
): Promise<void> {
  const { conversation, seq } = item;
  const reference = referenceOf(item);
  for await (const entry of entriesUnder(transaction, keys.waitingReads(conversation))) {
    const { user, upTo } = decodeRecord(WaitingRead, entry.value);
    if (!isSameReference(upTo, reference)) continue;
    await transaction.delete(entry.key);
    await putReadBy(transaction, conversation, readMarkAt(user, seq, item));
  }
}
