/**
 * What members say about messages: a reaction, another text, that one is taken back. Whatever one account has said about
 * one message lies in a record under that message's reference, also while the message itself has not come. What is newest
 * by the account's own clock counts, however the platform orders it, so all devices come to the same; and what does not
 * count any more is not kept.
 */
import { type ConversationId, MessageId, Seq, UserId } from '@sotto/api';
import * as z from 'zod/mini';
import { ANNOTATIONS_WAITING_MAX } from '../limits.ts';
import { keys } from '../store/key-space.ts';
import type { StoreTransaction } from '../store/store.ts';
import {
  decodeRecord,
  entriesUnder,
  getRecord,
  putRecord,
  takeNumber,
} from '../store/stored-record.ts';
import { type Content, decodeContent } from './content.ts';
import { HistoryItem, type Message } from './history-item.ts';
import { findPlace } from './message-place.ts';
import { isSameReference, MessageReference, referenceOf } from './message-reference.ts';
import { isControl, OutboxEntry } from './outbox-entry.ts';

/** Where what was said lies, and when its author said it. */
const said = { id: MessageId, seq: Seq, time: z.number() };

/** What one account has said about one message. */
export const Annotations = z.object({
  user: UserId,
  reaction: z.optional(z.object({ ...said, emoji: z.nullable(z.string()) })),
  edit: z.optional(z.object(said)),
  deletion: z.optional(z.object(said)),
  /** Its number among those of this account whose message has not come. */
  waiting: z.optional(z.int()),
});
export type Annotations = z.infer<typeof Annotations>;

const Waiting = z.object({ about: MessageReference });

/** The three ways of saying something about a message, as their records call them. */
const KINDS = ['reaction', 'edit', 'deletion'] as const;
type Kind = (typeof KINDS)[number];

/** What content says about another message; undefined when it stands for itself. */
export function remarkOf(
  content: Content,
): { readonly kind: Kind; readonly about: MessageReference } | undefined {
  if (content.type === 'reaction') return { kind: 'reaction', about: content.to };
  if (content.type === 'edit') return { kind: 'edit', about: content.of };
  if (content.type === 'delete') return { kind: 'deletion', about: content.of };
  return undefined;
}

/** Content for a message that is to say nothing, or nothing any more: it takes itself back, and is never shown. */
export function nothingOf(reference: MessageReference): Content {
  return { type: 'delete', of: reference };
}

/** Whether an account may say that about a message: everybody reacts, and changes what is their own. */
export function mayRemark(
  { content, sender }: Pick<Message, 'content'> & { readonly sender: { readonly user: string } },
  { kind, user }: { readonly kind: Kind; readonly user: string },
): boolean {
  const isOwn = sender.user === user;
  if (kind === 'edit') return isOwn && content.type === 'text';
  const isShown =
    content.type === 'text' || content.type === 'file' || content.type === 'unsupported';
  return isShown && (kind === 'reaction' || isOwn);
}

/**
 * To be called for each message that comes into the history: applies it when it speaks about another one, and else what
 * was said about it before it came.
 */
export async function annotate(transaction: StoreTransaction, item: Message): Promise<void> {
  const remark = remarkOf(item.content);
  if (remark === undefined) return applyWaiting(transaction, item);
  const { kind, about } = remark;
  const target = await findTarget(transaction, item.conversation, {
    about,
    author: item.sender.user,
  });
  const isAllowed =
    target === 'unknown' ||
    (target !== 'gone' && mayRemark(target, { kind, user: item.sender.user }));
  if (!isAllowed) return silence(transaction, item);
  const counts = await supersede(transaction, item, { kind, about, isKnown: target !== 'unknown' });
  if (!counts || target === 'unknown') return;
  if (kind === 'edit') await putText(transaction, target, item);
  if (kind === 'deletion') await wipe(transaction, target);
}

/** A person's reaction to a message, and the place of the message that says so. */
export interface Reaction {
  readonly user: UserId;
  readonly emoji: string;
  readonly seq: number;
}

/** The reactions to a message of the history. */
export async function reactionsTo(
  transaction: StoreTransaction,
  conversation: ConversationId,
  about: MessageReference,
): Promise<Reaction[]> {
  const found: Reaction[] = [];
  for (const { user, reaction } of await allAbout(transaction, conversation, about)) {
    if (reaction === undefined || reaction.emoji === null) continue;
    found.push({ user, emoji: reaction.emoji, seq: reaction.seq });
  }
  return found;
}

/**
 * The time behind all that this account has said about a message, also what still waits to be sent: what it says next
 * must not count as older, whatever has become of its clock.
 */
export async function timeAfterRemarks(
  transaction: StoreTransaction,
  conversation: ConversationId,
  { about, user }: { readonly about: MessageReference; readonly user: UserId },
): Promise<number> {
  const key = keys.annotations(conversation, about, user);
  const known = await getRecord(transaction, key, Annotations);
  let last = Math.max(0, ...KINDS.map((kind) => known?.[kind]?.time ?? 0));
  for await (const { value } of entriesUnder(transaction, keys.outbox(conversation))) {
    const entry = decodeRecord(OutboxEntry, value);
    if (isControl(entry)) continue;
    const remark = remarkOf(decodeContent(entry.content));
    if (remark !== undefined && isSameReference(remark.about, about)) {
      last = Math.max(last, entry.time);
    }
  }
  return last + 1;
}

/** Takes away what was said about a message; that it was taken back stays said. */
export async function forgetAnnotations(
  transaction: StoreTransaction,
  conversation: ConversationId,
  about: MessageReference,
): Promise<void> {
  for (const annotations of await allAbout(transaction, conversation, about)) {
    await forget(transaction, { conversation, about, annotations });
  }
}

interface Located {
  readonly conversation: ConversationId;
  readonly about: MessageReference;
  readonly annotations: Annotations;
}

async function allAbout(
  transaction: StoreTransaction,
  conversation: ConversationId,
  about: MessageReference,
): Promise<Annotations[]> {
  const found: Annotations[] = [];
  for await (const { value } of entriesUnder(transaction, keys.annotations(conversation, about))) {
    found.push(decodeRecord(Annotations, value));
  }
  return found;
}

/** `gone` when there was such a message and is none any more, or when it is nothing that people see. */
async function findTarget(
  transaction: StoreTransaction,
  conversation: ConversationId,
  { about, author }: { readonly about: MessageReference; readonly author: UserId },
): Promise<Message | 'unknown' | 'gone'> {
  const place = await findPlace(transaction, conversation, { about, author });
  if (place === undefined) return 'unknown';
  if (place.conversation !== conversation) return 'gone';
  const item = await getRecord(transaction, keys.message(conversation, place.seq), HistoryItem);
  // What could not be read may be sent again.
  if (item?.type === 'unreadable') return 'unknown';
  return item?.type === 'message' ? item : 'gone';
}

interface Remark {
  readonly kind: Kind;
  readonly about: MessageReference;
  readonly isKnown: boolean;
}

/** Takes a remark down in the place of the same account's last one. False when that one is newer. */
async function supersede(
  transaction: StoreTransaction,
  item: Message,
  { kind, about, isKnown }: Remark,
): Promise<boolean> {
  const { conversation, id, seq, time, content } = item;
  const { user } = item.sender;
  const key = keys.annotations(conversation, about, user);
  const known = (await getRecord(transaction, key, Annotations)) ?? { user };
  const before = known[kind];
  if (before !== undefined && before.id !== id) {
    const isNewer = time > before.time || (time === before.time && id > before.id);
    if (!isNewer) {
      await silence(transaction, item);
      return false;
    }
    await silenceAt(transaction, conversation, before);
  }
  const emoji = content.type === 'reaction' ? { emoji: content.emoji } : {};
  const isFirstToWait = !isKnown && known.waiting === undefined;
  const waiting = isFirstToWait
    ? { waiting: await letWait(transaction, conversation, { about, user }) }
    : {};
  const record = { ...known, ...waiting, [kind]: { id, seq, time, ...emoji } };
  await putRecord(transaction, key, [Annotations, record]);
  return true;
}

/** One account may speak of messages that never come: what it has said about the most of them is kept, and no more. */
async function letWait(
  transaction: StoreTransaction,
  conversation: ConversationId,
  { about, user }: { readonly about: MessageReference; readonly user: UserId },
): Promise<number> {
  const number = await takeNumber(transaction, keys.waitingAnnotationIds);
  const key = keys.waitingAnnotation(conversation, user, number);
  await putRecord(transaction, key, [Waiting, { about }]);
  const prefix = keys.waitingAnnotations(conversation, user);
  const limit = ANNOTATIONS_WAITING_MAX + 1;
  const [oldest, ...others] = await transaction.list({ prefix, limit });
  if (oldest !== undefined && others.length === ANNOTATIONS_WAITING_MAX) {
    const left = decodeRecord(Waiting, oldest.value).about;
    const leftKey = keys.annotations(conversation, left, user);
    const annotations = await getRecord(transaction, leftKey, Annotations);
    if (annotations) await forget(transaction, { conversation, about: left, annotations });
    if (annotations?.deletion) await silenceAt(transaction, conversation, annotations.deletion);
    await transaction.delete(oldest.key);
  }
  return number;
}

/** A message has come of which others may have spoken before. */
async function applyWaiting(transaction: StoreTransaction, item: Message): Promise<void> {
  const { conversation } = item;
  const about = referenceOf(item);
  for (const annotations of await allAbout(transaction, conversation, about)) {
    const { waiting, ...kept } = annotations;
    const { user } = annotations;
    if (waiting !== undefined) {
      await transaction.delete(keys.waitingAnnotation(conversation, user, waiting));
    }
    const refused = KINDS.filter((kind) => !mayRemark(item, { kind, user }));
    if (annotations.deletion !== undefined && !refused.includes('deletion')) {
      return wipe(transaction, item);
    }
    for (const kind of refused) {
      const remark = kept[kind];
      if (remark !== undefined) await silenceAt(transaction, conversation, remark);
      delete kept[kind];
    }
    await putRecord(transaction, keys.annotations(conversation, about, user), [Annotations, kept]);
    const edit = kept.edit && (await itemAt(transaction, conversation, kept.edit));
    if (edit !== undefined) await putText(transaction, item, edit);
  }
}

/**
 * The text of an edit in the place of the message's own. One that says the same has changed nothing, unless the message
 * came again: as its sender had it by then.
 */
async function putText(
  transaction: StoreTransaction,
  target: Message,
  { content }: Message,
): Promise<void> {
  if (target.content.type !== 'text' || content.type !== 'edit') return;
  if (target.content.text === content.text && !target.isRepaired) return;
  const edited = { ...target.content, text: content.text };
  await putMessage(transaction, { ...target, content: edited, isEdited: true });
}

/** Nothing stays of a message that was taken back but that it was there. */
async function wipe(transaction: StoreTransaction, { isEdited: _, ...target }: Message) {
  await forgetAnnotations(transaction, target.conversation, referenceOf(target));
  await putMessage(transaction, { ...target, content: { type: 'deleted' } });
}

async function forget(
  transaction: StoreTransaction,
  { conversation, about, annotations }: Located,
): Promise<void> {
  const { user, waiting, reaction, edit } = annotations;
  if (reaction !== undefined) await silenceAt(transaction, conversation, reaction);
  if (edit !== undefined) await silenceAt(transaction, conversation, edit);
  if (waiting !== undefined) {
    await transaction.delete(keys.waitingAnnotation(conversation, user, waiting));
  }
  await transaction.delete(keys.annotations(conversation, about, user));
}

async function silenceAt(
  transaction: StoreTransaction,
  conversation: ConversationId,
  remark: { readonly id: MessageId; readonly seq: number },
): Promise<void> {
  const item = await itemAt(transaction, conversation, remark);
  if (item !== undefined) await silence(transaction, item);
}

async function itemAt(
  transaction: StoreTransaction,
  conversation: ConversationId,
  { id, seq }: { readonly id: MessageId; readonly seq: number },
): Promise<Message | undefined> {
  const item = await getRecord(transaction, keys.message(conversation, seq), HistoryItem);
  return item?.type === 'message' && item.id === id ? item : undefined;
}

/**
 * Takes what does not count out of the history: a member could fill it with such. Our own stays at its place, for it may
 * be asked for again, and says nothing.
 */
async function silence(transaction: StoreTransaction, item: Message): Promise<void> {
  const { own, content, conversation, seq } = item;
  if (!own) await transaction.delete(keys.message(conversation, seq));
  else if (content.type !== 'delete') {
    await putMessage(transaction, { ...item, content: nothingOf(referenceOf(item)) });
  }
}

function putMessage(transaction: StoreTransaction, item: Message): Promise<void> {
  return putRecord(transaction, keys.message(item.conversation, item.seq), [HistoryItem, item]);
}
