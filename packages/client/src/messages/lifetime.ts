/**
 * Messages that go away: how long those live that a conversation's members write, and when each one ends. Our own are
 * counted from when they were stored, those of others from when they were read, by whichever of our devices.
 */
import { ConversationId, MessageId, Seq } from '@sotto/api';
import * as z from 'zod/mini';
import { Cursor } from '../account/records.ts';
import { STORE_PAGE } from '../limits.ts';
import { keys } from '../store/key-space.ts';
import type { StoreTransaction } from '../store/store.ts';
import { decodeRecord, getRecord, putRecord } from '../store/stored-record.ts';
import { forgetAnnotations } from './annotations.ts';
import { HistoryItem, type Message } from './history-item.ts';
import { referenceOf } from './message-reference.ts';
import { readUpTo } from './own-read-mark.ts';

/** What a conversation's messages get on their way, and by which message of the history that was said. */
const TimerRecord = z.object({
  seconds: z.nullable(z.int()),
  seq: Seq,
});

/** What this device has said of it, as long as that is not stored. */
const WaitingTimer = z.object({ id: MessageId, seconds: z.nullable(z.int()) });

/** The end of a message; 0 as long as somebody has to count from now. It lies under its time. */
const Ending = z.object({ conversation: ConversationId, seq: Seq, at: z.number() });
type Ending = z.infer<typeof Ending>;

/** Seconds that messages of a conversation live which are written now, or null when they stay. */
export async function readTimer(
  transaction: StoreTransaction,
  conversation: ConversationId,
): Promise<number | null> {
  const waiting = await getRecord(transaction, keys.waitingTimer(conversation), WaitingTimer);
  if (waiting !== undefined) return waiting.seconds;
  const record = await getRecord(transaction, keys.timer(conversation), TimerRecord);
  return record?.seconds ?? null;
}

/** Goes by a timer that was written here, until the platform has it or refuses it. */
export async function awaitTimer(
  transaction: StoreTransaction,
  conversation: ConversationId,
  waiting: { readonly id: MessageId; readonly seconds: number | null },
): Promise<void> {
  await putRecord(transaction, keys.waitingTimer(conversation), [WaitingTimer, waiting]);
}

/** To be called for each message of ours that waits no longer: it was stored, or refused for good. */
export async function dropTimer(
  transaction: StoreTransaction,
  conversation: ConversationId,
  id: MessageId,
): Promise<void> {
  const key = keys.waitingTimer(conversation);
  const waiting = await getRecord(transaction, key, WaitingTimer);
  if (waiting?.id === id) await transaction.delete(key);
}

/** To be called for each message that comes into the history: what it says of lifetimes, its own and others'. */
export async function noteLifetime(transaction: StoreTransaction, item: Message): Promise<void> {
  const { content, conversation, seq } = item;
  if (content.type === 'timer') return noteTimer(transaction, item);
  if (lifetimeOf(item) === undefined) return;
  const isSeen = item.own || seq <= (await readUpTo(transaction, conversation));
  if (isSeen) await putEnding(transaction, { conversation, seq, at: UNCOUNTED });
  else await putRecord(transaction, keys.unreadLifetime(conversation, seq), [Seq, seq]);
}

/** Counts from `readAt` for messages of others that were read, up to a place. */
export async function countRead(
  transaction: StoreTransaction,
  conversation: ConversationId,
  { upTo, readAt }: { readonly upTo: number; readonly readAt: number },
): Promise<void> {
  const prefix = keys.unreadLifetimes(conversation);
  for (;;) {
    const page = await transaction.list({ prefix, limit: STORE_PAGE });
    const read = page.map(({ key, value }) => ({ key, seq: decodeRecord(Seq, value) }));
    const due = read.filter(({ seq }) => seq <= upTo);
    for (const { key, seq } of due) {
      await transaction.delete(key);
      await count(transaction, { conversation, seq }, readAt);
    }
    if (due.length < STORE_PAGE) return;
  }
}

/** What a sweep has done. */
export interface Sweep {
  /** Conversations in which messages have ended, or have an end now. */
  readonly changed: readonly ConversationId[];
  /** When the next one ends; undefined when none does. May have passed: then there is more to sweep. */
  readonly nextAt?: number;
}

/** Takes out messages whose time has come, a page of them, and begins to count for those that wait for it. */
export async function sweep(
  transaction: StoreTransaction,
  { now, device }: { readonly now: number; readonly device: string },
): Promise<Sweep> {
  const changed = new Set<ConversationId>();
  const page = await transaction.list({ prefix: keys.endings, limit: STORE_PAGE });
  for (const { key, value } of page) {
    const ending = decodeRecord(Ending, value);
    if (ending.at > now) break;
    await transaction.delete(key);
    changed.add(ending.conversation);
    const item = await messageAt(transaction, ending);
    if (item === undefined) continue;
    if (ending.at !== UNCOUNTED) await remove(transaction, item);
    else await count(transaction, ending, countedFrom(item, { now, device }));
  }
  const [next] = await transaction.list({ prefix: keys.endings, limit: 1 });
  const nextAt = next && { nextAt: decodeRecord(Ending, next.value).at };
  return { changed: [...changed], ...nextAt };
}

const UNCOUNTED = 0;

/** What another device of ours has sent may have come late; its clock is the account's own. */
function countedFrom(
  { own, sender, time }: Message,
  { now, device }: { readonly now: number; readonly device: string },
): number {
  return own && sender.device !== device ? Math.min(now, time) : now;
}

/** The newest by the platform's order counts, which all members share; one that was held back comes too late. */
async function noteTimer(transaction: StoreTransaction, item: Message): Promise<void> {
  const { content, conversation, seq, id, order } = item;
  if (content.type !== 'timer') return;
  if (item.own) await dropTimer(transaction, conversation, id);
  const key = keys.timer(conversation);
  const known = await getRecord(transaction, key, TimerRecord);
  if (order === 'late' || seq <= (known?.seq ?? 0)) return;
  await putRecord(transaction, key, [TimerRecord, { seconds: content.seconds, seq }]);
}

async function count(
  transaction: StoreTransaction,
  place: { readonly conversation: ConversationId; readonly seq: number },
  from: number,
): Promise<void> {
  const item = await messageAt(transaction, place);
  const seconds = item && lifetimeOf(item);
  if (item === undefined || seconds === undefined) return;
  const { conversation, seq } = item;
  const expiresAt = from + seconds * 1000;
  const key = keys.message(conversation, seq);
  await putRecord(transaction, key, [HistoryItem, { ...item, expiresAt }]);
  await putEnding(transaction, { conversation, seq, at: expiresAt });
}

function putEnding(transaction: StoreTransaction, ending: Ending): Promise<void> {
  const { conversation, seq } = ending;
  // A time that a device of ours made up must still be a number of the key space.
  const at = Math.min(Math.max(UNCOUNTED, Math.trunc(ending.at)), Number.MAX_SAFE_INTEGER);
  const record = { conversation, seq, at };
  return putRecord(transaction, keys.ending(at, conversation, seq), [Ending, record]);
}

/** With what was said about it; its place stays known, so that it does not come back. */
async function remove(transaction: StoreTransaction, item: Message): Promise<void> {
  const { conversation, seq, own } = item;
  await forgetAnnotations(transaction, conversation, referenceOf(item));
  await transaction.delete(keys.message(conversation, seq));
  const cursor = await getRecord(transaction, keys.cursor(conversation), Cursor);
  if (own && seq > (cursor?.seq ?? 0))
    await transaction.put(keys.ownPlace(conversation, seq), new Uint8Array(0));
}

async function messageAt(
  transaction: StoreTransaction,
  { conversation, seq }: { readonly conversation: ConversationId; readonly seq: number },
): Promise<Message | undefined> {
  const item = await getRecord(transaction, keys.message(conversation, seq), HistoryItem);
  return item?.type === 'message' ? item : undefined;
}

function lifetimeOf({ content }: Message): number | undefined {
  return content.type === 'text' || content.type === 'file' ? content.expiresIn : undefined;
}
