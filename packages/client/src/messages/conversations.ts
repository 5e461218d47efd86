/** Conversations that this device takes part in, and where it has read them up to. */
import {
  type Conversation,
  type ConversationId,
  createConversation,
  searchUsers,
  type UserId,
} from '@sotto/api';
import { Account, Cursor } from '../account/records.ts';
import type { Call } from '../connection/call.ts';
import type { Abortable } from '../connection/heeding.ts';
import { ClientError } from '../errors.ts';
import type { Events } from '../events.ts';
import { addressKey, keys } from '../store/key-space.ts';
import type { Store, StoreTransaction } from '../store/store.ts';
import { decodeRecord, entriesUnder, getRecord, putRecord } from '../store/stored-record.ts';
import { annotate } from './annotations.ts';
import { ConversationRecord } from './conversation-record.ts';
import {
  type AnyMessage,
  HistoryItem,
  hasEnded,
  type MembershipItem,
  Place,
} from './history-item.ts';
import { noteLifetime } from './lifetime.ts';
import { applyWaitingReads } from './read-by.ts';

export interface ConversationDeps {
  readonly store: Store;
  readonly call: Call;
}

/**
 * Opens the direct conversation with a user; the same one each time. Throws `answer.invalid` when the platform
 * answers with a conversation of anybody else.
 */
export async function openDirectConversation(
  { store, call, events }: ConversationDeps & { readonly events: Events },
  user: UserId,
): Promise<ConversationRecord> {
  const answer = await call(createConversation, { body: { kind: 'direct', with: user } });
  const known = await store.transaction((transaction) =>
    transaction.get(keys.conversation(answer.id)),
  );
  const record = await keepConversation(store, answer, (others) => others.includes(user));
  if (known === undefined) events.emit('conversation', { conversation: answer.id });
  return record;
}

/** All conversations in the store. */
export async function listKnownConversations(store: Store): Promise<ConversationRecord[]> {
  const found: ConversationRecord[] = [];
  for (;;) {
    const last = found.at(-1);
    const page = await store.transaction((transaction) =>
      transaction.list({
        prefix: keys.conversations,
        limit: 100,
        ...(last && { after: keys.conversation(last.id) }),
      }),
    );
    if (page.length === 0) return found;
    for (const { value } of page) found.push(decodeRecord(ConversationRecord, value));
  }
}

export interface HistoryRange {
  /** Only items behind this place; from the beginning when left out. */
  readonly after?: number;
  /** At most this many, 100 when left out. */
  readonly limit?: number;
}

/**
 * Messages of a conversation from the store, in order, with those that could not be read. What has run out by `now` is
 * passed over: fewer than were asked for are the last ones.
 */
export function readHistory(
  store: Store,
  conversation: ConversationId,
  { after = 0, limit = 100, now = 0 }: HistoryRange & { readonly now?: number },
): Promise<HistoryItem[]> {
  const start = keys.message(conversation, after);
  return store.transaction(async (transaction) => {
    const items: HistoryItem[] = [];
    for await (const { value } of entriesUnder(transaction, keys.messages(conversation), start)) {
      if (items.length >= limit) break;
      const item = decodeRecord(HistoryItem, value);
      if (!hasEnded(item, now)) items.push(item);
    }
    return items;
  });
}

/**
 * Writes an item at its place, and notes under its id where that is; what it says about other messages, and what was
 * said about it, is applied. Throws `answer.invalid` when another message lies
 * there: a place is given once, and what is in the history is not the platform's to change.
 */
export async function keepItem(transaction: StoreTransaction, item: AnyMessage): Promise<void> {
  const { conversation, seq, id, sender } = item;
  await keepAt(transaction, item, (there) => isOf(there, item));
  await putRecord(transaction, keys.messageId(sender, id), [Place, { conversation, seq }]);
  await applyWaitingReads(transaction, item);
  if (item.type !== 'message') return;
  await noteLifetime(transaction, item);
  await annotate(transaction, item);
}

/** Whether something else than this message stands in its place. */
export async function isPlaceTaken(
  transaction: StoreTransaction,
  message: Pick<AnyMessage, 'conversation' | 'seq' | 'id' | 'sender'>,
): Promise<boolean> {
  const key = keys.message(message.conversation, message.seq);
  const there = await getRecord(transaction, key, HistoryItem);
  return there !== undefined && !isOf(there, message);
}

function isOf(there: HistoryItem, { id, sender }: Pick<AnyMessage, 'id' | 'sender'>): boolean {
  if (there.type === 'membership' || there.id !== id) return false;
  return addressKey(there.sender) === addressKey(sender);
}

/** The same for an entry of a group's log. */
export function keepMembership(transaction: StoreTransaction, item: MembershipItem): Promise<void> {
  const isSame = (there: HistoryItem) =>
    there.type === 'membership' && there.version === item.version;
  return keepAt(transaction, item, isSame);
}

async function keepAt(
  transaction: StoreTransaction,
  item: HistoryItem,
  isSame: (there: HistoryItem) => boolean,
): Promise<void> {
  const key = keys.message(item.conversation, item.seq);
  const there = await getRecord(transaction, key, HistoryItem);
  if (there && !isSame(there)) {
    throw new ClientError('answer.invalid', 'something else has that place');
  }
  await putRecord(transaction, key, [HistoryItem, item]);
}

/** A user of the platform by exact name, without case. */
export async function findUserByName(
  call: Call,
  username: string,
  { signal }: Abortable,
): Promise<{ user: UserId; username: string } | undefined> {
  const { users } = await call(searchUsers, { query: { name: username } }, { signal });
  return users.find((found) => found.username.toLowerCase() === username.toLowerCase());
}

/**
 * The record of a conversation that this device reads. One that came with a history from another device has no place yet
 * from which to read on: that is for the platform to say, as of one that is new.
 */
export async function getBegun(
  transaction: StoreTransaction,
  id: ConversationId,
): Promise<ConversationRecord | undefined> {
  if ((await transaction.get(keys.cursor(id))) === undefined) return undefined;
  return getRecord(transaction, keys.conversation(id), ConversationRecord);
}

/**
 * Whether a conversation that the store does not know may have begun before this device had keys, so that the platform
 * has to say from where to read. Later on, what the platform says was read was read into another copy of this store.
 */
export async function joinsLate(transaction: StoreTransaction): Promise<boolean> {
  return (await transaction.get(keys.conversationsListed)) === undefined;
}

/** The place up to which this device has everything of a conversation. */
export async function readCursor(
  transaction: StoreTransaction,
  conversation: ConversationId,
): Promise<number> {
  const record = await getRecord(transaction, keys.cursor(conversation), Cursor);
  return record?.seq ?? 0;
}

/** Moves that place. */
export function writeCursor(
  transaction: StoreTransaction,
  conversation: ConversationId,
  seq: number,
): Promise<void> {
  return putRecord(transaction, keys.cursor(conversation), [Cursor, { seq }]);
}

/** The cursor moved over places of our own, which `stored` told us of and which are not delivered again. */
export async function skipOwn(
  transaction: StoreTransaction,
  conversation: ConversationId,
  cursor: number,
): Promise<number> {
  let seq = cursor;
  while (await isOwnPlace(transaction, conversation, seq + 1)) seq += 1;
  return seq;
}

/** The same for a cursor that is written next: marks that it has passed are of no use any more. */
export async function passOwn(
  transaction: StoreTransaction,
  conversation: ConversationId,
  cursor: number,
): Promise<number> {
  const passed = await skipOwn(transaction, conversation, cursor);
  for (let seq = cursor + 1; seq <= passed; seq += 1) {
    await transaction.delete(keys.ownPlace(conversation, seq));
  }
  return passed;
}

async function isOwnPlace(
  transaction: StoreTransaction,
  conversation: ConversationId,
  seq: number,
): Promise<boolean> {
  if (await transaction.get(keys.message(conversation, seq))) return true;
  return (await transaction.get(keys.ownPlace(conversation, seq))) !== undefined;
}

/**
 * Keeps a conversation of two that the platform described. Who its members are decides whom we encrypt for and whom we
 * believe: they are ourselves and one other, are what was asked for, and never change. Throws `answer.invalid`.
 */
export function keepConversation(
  store: Store,
  answer: Conversation,
  isAskedFor: (others: readonly UserId[]) => boolean,
): Promise<ConversationRecord> {
  const { id, kind, members } = answer;
  return store.transaction(async (transaction) => {
    const known = await getRecord(transaction, keys.conversation(id), ConversationRecord);
    const account = await getRecord(transaction, keys.account, Account);
    const others = members.filter((member) => member !== account?.user);
    const isOurs = kind === 'direct' && members.length === 2 && others.length === 1;
    if (!isOurs || !isAskedFor(others) || (known && !known.members.includes(others[0]!))) {
      throw new ClientError('answer.invalid', 'the conversation is not the one asked for');
    }
    if ((await transaction.get(keys.cursor(id))) === undefined) {
      // What came before a device that is new was never encrypted for it.
      const from = (await joinsLate(transaction)) ? answer.cursor : 0;
      await writeCursor(transaction, id, Math.max(from, answer.first - 1));
    }
    if (known !== undefined) return known;
    const record: ConversationRecord = { id, kind: 'direct', members };
    await putRecord(transaction, keys.conversation(id), [ConversationRecord, record]);
    return record;
  });
}
