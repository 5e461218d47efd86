/**
 * How far other members have read, by their own word. A word about a message that has no place yet is kept until it has: of
 * what this device has sent, the platform may tell others before it tells us.
 */
import { type ConversationId, Seq, UserId } from '@sotto/api';
import * as z from 'zod/mini';
import { keys } from '../store/key-space.ts';
import type { StoreTransaction } from '../store/store.ts';
import { decodeRecord, entriesUnder, getRecord, putRecord } from '../store/stored-record.ts';
import type { AnyMessage } from './history-item.ts';
import { isSameReference, MessageReference, referenceOf } from './message-reference.ts';

const ReadBy = z.object({ user: UserId, seq: Seq });

/** The last word of a member about a message that has not come. */
const WaitingRead = z.object({ user: UserId, upTo: MessageReference });

interface MemberRead {
  readonly user: UserId;
  readonly seq: number;
}

/** The places up to which members have read. */
export async function readMarks(
  transaction: StoreTransaction,
  conversation: ConversationId,
): Promise<Map<UserId, number>> {
  const marks = new Map<UserId, number>();
  for await (const { value } of entriesUnder(transaction, keys.readsBy(conversation))) {
    const { user, seq } = decodeRecord(ReadBy, value);
    marks.set(user, seq);
  }
  return marks;
}

/** Moves a member's mark; false when it is there, or further on. */
export async function putReadBy(
  transaction: StoreTransaction,
  conversation: ConversationId,
  read: MemberRead,
): Promise<boolean> {
  const key = keys.readBy(conversation, read.user);
  const before = await getRecord(transaction, key, ReadBy);
  if (before !== undefined && read.seq <= before.seq) return false;
  await putRecord(transaction, key, [ReadBy, read]);
  return true;
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
    await putReadBy(transaction, conversation, { user, seq });
  }
}
