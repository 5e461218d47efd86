/** How far this account has read a conversation, on whichever of its devices. */
import { type ConversationId, Seq } from '@sotto/api';
import * as z from 'zod/mini';
import { keys } from '../store/key-space.ts';
import type { StoreTransaction } from '../store/store.ts';
import { getRecord, putRecord } from '../store/stored-record.ts';
import { MessageReference } from './message-reference.ts';

/** The last message read, its place, and when that was, in milliseconds since 1970. */
export const OwnReadMark = z.object({ upTo: MessageReference, seq: Seq, time: z.number() });
export type OwnReadMark = z.infer<typeof OwnReadMark>;

/** How far a conversation was read; undefined when nothing of it was. */
export function getOwnReadMark(
  transaction: StoreTransaction,
  conversation: ConversationId,
): Promise<OwnReadMark | undefined> {
  return getRecord(transaction, keys.ownReadMark(conversation), OwnReadMark);
}

/** The place up to which a conversation was read, 0 when nothing of it was. */
export async function readUpTo(
  transaction: StoreTransaction,
  conversation: ConversationId,
): Promise<number> {
  return (await getOwnReadMark(transaction, conversation))?.seq ?? 0;
}

/** Moves the mark. */
export function putOwnReadMark(
  transaction: StoreTransaction,
  conversation: ConversationId,
  mark: OwnReadMark,
): Promise<void> {
  return putRecord(transaction, keys.ownReadMark(conversation), [OwnReadMark, mark]);
}
