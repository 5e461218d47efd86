/** The lines of a conversation as people see them: what stands in the history, what waits to be sent, and what failed. */
import type { ConversationId } from '@sotto/api';
import type { LocalParty } from '@sotto/crypto';
import { deliveredToAll } from '../connection/deliveries.ts';
import { UNREAD_COUNTED_MAX, UNREAD_SEARCHED_MAX } from '../limits.ts';
import type { MessageStatus, MessageView } from '../state/view.ts';
import { keys } from '../store/key-space.ts';
import type { StoreTransaction } from '../store/store.ts';
import { decodeRecord, entriesUnder, getRecord } from '../store/stored-record.ts';
import { reactionsTo } from './annotations.ts';
import { ConversationRecord } from './conversation-record.ts';
import { HistoryItem, hasEnded, type Message } from './history-item.ts';
import { itemsBefore } from './history-pages.ts';
import { groupReactions, showContent } from './message-line.ts';
import { referenceOf } from './message-reference.ts';
import { readUpTo } from './own-read-mark.ts';
import { isReadBy, type ReadMark, readMarks } from './read-by.ts';
import { readWaiting, type WaitingLines } from './waiting-lines.ts';

/** Which lines of a conversation. */
export interface ViewRange {
  /** Only those of the history below this place. */
  readonly before?: number;
  /** At most as many, the newest of them. */
  readonly limit: number;
}

/**
 * Lines of a conversation, the oldest first: the history, then what failed, then what waits to be sent. Reactions, edits
 * and deletions, also those that still wait, are in the lines that they speak of. What has run out `now` is not among them,
 * although nothing may have taken it away yet.
 */
export async function viewMessages(
  transaction: StoreTransaction,
  local: LocalParty,
  conversation: ConversationId,
  { before, limit, now = 0 }: ViewRange & { readonly now?: number },
): Promise<MessageView[]> {
  const waiting = await readWaiting(transaction, local, conversation);
  const unsent = before === undefined ? waiting.lines.slice(-limit) : [];
  const shown: MessageView[] = [];
  const progress = await readProgress(transaction, local, conversation);
  for await (const item of itemsBefore(transaction, conversation, before)) {
    if (shown.length + unsent.length >= limit) break;
    const line = await viewItem(transaction, item, { waiting, progress, local, now });
    if (line !== undefined) shown.push(line);
  }
  return [...shown.reverse(), ...unsent];
}

/**
 * Messages of others behind the one that this account has read last; `UNREAD_COUNTED_MAX` when there are more, and those among
 * the first `UNREAD_SEARCHED_MAX` items when much of what came is nothing to be read.
 */
export async function countUnread(
  transaction: StoreTransaction,
  conversation: ConversationId,
): Promise<number> {
  let unread = 0;
  let searched = 0;
  const prefix = keys.messages(conversation);
  const start = keys.message(conversation, await readUpTo(transaction, conversation));
  for await (const { value } of entriesUnder(transaction, prefix, start)) {
    if (isUnread(decodeRecord(HistoryItem, value))) unread += 1;
    searched += 1;
    if (unread === UNREAD_COUNTED_MAX || searched === UNREAD_SEARCHED_MAX) break;
  }
  return unread;
}

function isUnread(item: HistoryItem): boolean {
  if (item.type === 'unreadable') return true;
  if (item.type === 'membership' || item.own) return false;
  return ['text', 'file', 'unsupported'].includes(item.content.type);
}

/** How far our own messages have come. */
interface Progress {
  readonly delivered: number;
  /** Of each other member. */
  readonly marks: readonly (ReadMark | undefined)[];
}

async function readProgress(
  transaction: StoreTransaction,
  { address }: LocalParty,
  conversation: ConversationId,
): Promise<Progress> {
  const room = await getRecord(transaction, keys.conversation(conversation), ConversationRecord);
  const others = room?.members.filter((user) => user !== address.user) ?? [];
  const marks = await readMarks(transaction, conversation);
  return {
    delivered: await deliveredToAll(transaction, conversation),
    marks: others.map((user) => marks.get(user)),
  };
}

interface Viewing {
  readonly waiting: WaitingLines;
  readonly progress: Progress;
  readonly local: LocalParty;
  readonly now: number;
}

/** The line of an item; undefined for what speaks of another one only, and for what has run out. */
async function viewItem(
  transaction: StoreTransaction,
  item: HistoryItem,
  viewing: Viewing,
): Promise<MessageView | undefined> {
  const { conversation, seq } = item;
  const placed = { conversation, seq, status: 'received', order: 'next', reactions: [] } as const;
  if (item.type === 'membership') {
    const { author, time, change } = item;
    const isOwn = author === viewing.local.address.user;
    const body = { type: 'membership', change } as const;
    return { ...placed, isOwn, time, body, ...(author !== undefined && { sender: author }) };
  }
  const reference = referenceOf(item);
  const sender = item.sender.user;
  if (item.type === 'unreadable') {
    const isOwn = sender === viewing.local.address.user;
    const body = { type: 'unreadable', cause: item.cause } as const;
    return { ...placed, reference, sender, isOwn, time: Date.parse(item.sentAt), body };
  }
  const shown = showContent(item.content, item.isEdited === true);
  if (shown === undefined || hasEnded(item, viewing.now)) return undefined;
  const { own: isOwn, order, time, expiresAt } = item;
  const reactions = await reactionsTo(transaction, conversation, reference);
  const status = isOwn ? statusOf(item, viewing.progress) : 'received';
  const line = {
    ...{ conversation, reference, seq, sender, isOwn, time, status, order },
    ...shown,
    reactions: groupReactions(reactions),
    ...(expiresAt !== undefined && { expiresAt }),
  };
  return viewing.waiting.applyTo(line, reactions);
}

function statusOf(item: Message, { delivered, marks }: Progress): MessageStatus {
  const isRead = marks.length > 0 && marks.every((mark) => mark && isReadBy(mark, item));
  if (isRead) return 'read';
  return item.seq <= delivered ? 'delivered' : 'stored';
}
