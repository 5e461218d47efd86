/**
 * Messages that came and could not be read: which of them are to be asked for again, and when. What a device sent to
 * people lies in the history as unreadable. What it said to this device alone has no place there, but is remembered:
 * the platform may have called it so.
 */
import { type Address, type ConversationId, MessageId, type MessageSlot } from '@sotto/api';
import * as z from 'zod/mini';
import { SenderCounterRecord } from '../account/records.ts';
import { RESEND_GATHER_MS, RESEND_PAUSE_MS, RESEND_WAITS_MS, RESEND_WINDOW } from '../limits.ts';
import { HistoryItem, Place, UnreadableMessage } from '../messages/history-item.ts';
import { addressKey, keys } from '../store/key-space.ts';
import type { StoreTransaction } from '../store/store.ts';
import { decodeRecord, getRecord, putRecord } from '../store/stored-record.ts';
import type { SessionsDeps } from '../trust/sessions.ts';

/** One message that is to be sent again. */
export const WantedAgain = z.object({
  id: MessageId,
  /** As what the platform has delivered it. */
  kind: z.enum(['direct', 'targeted', 'group']),
  /** How often it was asked for. */
  asks: z.int(),
  /** When it may be asked for next, by this machine's clock. */
  askAt: z.number(),
});
export type WantedAgain = z.infer<typeof WantedAgain>;

/** What is under way with a device whose messages in a conversation could not be read. */
export const Repair = z.object({
  /** When something is to be asked for next. */
  dueAt: z.number(),
  /** When something was asked for last. */
  askedAt: z.number(),
  /** The device has made a session since the last failure of one, as it could not read ours. */
  isMended: z.optional(z.boolean()),
  /** All that may be asked for early is due already. */
  isHurried: z.optional(z.boolean()),
});
export type Repair = z.infer<typeof Repair>;

/** A device in a conversation. */
export interface Sender extends Address {
  readonly conversation: ConversationId;
}

/** What came, and why it could not be read. */
export interface Missed {
  readonly slot: MessageSlot;
  readonly conversation: ConversationId;
  readonly cause: string;
  /** That it is sent again may help. */
  readonly isWanted: boolean;
}

/**
 * Remembers a message that could not be read. The item is for the history; there is none for what the platform says was
 * for this device alone.
 */
export async function noteMissed(
  deps: SessionsDeps,
  transaction: StoreTransaction,
  { slot, conversation, cause, isWanted }: Missed,
): Promise<UnreadableMessage | undefined> {
  const { id, seq, sender, sentAt, kind } = slot;
  const counted = keys.senderCounter(conversation, sender);
  const after = (await getRecord(transaction, counted, SenderCounterRecord))?.highest;
  const placed = { id, conversation, seq, sender, sentAt };
  const about = { cause, ...(!isWanted && { isRefused: true }), ...(after && { after }) };
  const item: UnreadableMessage = { type: 'unreadable', ...placed, ...about };
  const isHidden = kind === 'targeted';
  if (isHidden) {
    const place = { conversation, seq };
    await putRecord(transaction, keys.messageId(sender, id), [Place, place]);
    await putRecord(transaction, keys.unheard(conversation, seq), [UnreadableMessage, item]);
  }
  if (isWanted) await want(deps, transaction, { item, kind });
  return isHidden ? undefined : item;
}

async function want(
  deps: SessionsDeps,
  transaction: StoreTransaction,
  { item, kind }: { item: UnreadableMessage; kind: MessageSlot['kind'] },
): Promise<void> {
  const { conversation, sender, seq, id, cause } = item;
  // It can only be asked of another identity once that was accepted, which takes a person.
  const askAt = cause === 'identity.changed' ? deps.clock() + RESEND_WAITS_MS[0] : 0;
  const wanted = { id, kind, asks: 0, askAt };
  await putWanted(transaction, { conversation, ...sender }, { seq, wanted });
  const key = keys.repair(conversation, sender);
  const known = await getRecord(transaction, key, Repair);
  const repair = known ?? { askedAt: 0, dueAt: Number.MAX_SAFE_INTEGER };
  const isMended = kind === 'group' && repair.isMended;
  const dueAt = soonest(deps, repair, askAt);
  await putRecord(transaction, key, [Repair, { ...repair, isMended, dueAt }]);
  // It may have been an answer.
  if (kind === 'targeted') await hurry(deps, transaction, { conversation, ...sender });
}

/** Not before others had the time to come, and not so soon after the last request. A clock may have been set back. */
function soonest(
  { clock }: SessionsDeps,
  { dueAt, askedAt }: Pick<Repair, 'dueAt' | 'askedAt'>,
  at: number,
): number {
  const now = clock();
  const rested = Math.min(askedAt, now) + RESEND_PAUSE_MS;
  return Math.min(dueAt, Math.max(now + RESEND_GATHER_MS, rested, at));
}

/** Writes what is to be asked for under its place. */
export function putWanted(
  transaction: StoreTransaction,
  sender: Sender,
  { seq, wanted }: { seq: number; wanted: WantedAgain },
): Promise<void> {
  const key = keys.wantedAgain(sender.conversation, sender, seq);
  return putRecord(transaction, key, [WantedAgain, wanted]);
}

/** What is asked for of one device, the first of it. */
export async function listWanted(
  transaction: StoreTransaction,
  sender: Sender,
): Promise<{ seq: number; wanted: WantedAgain }[]> {
  const prefix = keys.allWantedAgain(sender.conversation, sender);
  const page = await transaction.list({ prefix, limit: RESEND_WINDOW });
  return page.map(({ key, value }) => ({
    seq: Number(key.slice(prefix.length)),
    wanted: decodeRecord(WantedAgain, value),
  }));
}

/**
 * A request or its answer was lost on a device: what waits for one is asked for again, in the session that the device has
 * made by now when it `isMended`. The last time is left for when things have calmed down: who can make answers
 * unreadable could use up all of them.
 */
export async function hurry(
  deps: SessionsDeps,
  transaction: StoreTransaction,
  { isMended = false, ...sender }: Sender & { readonly isMended?: boolean },
): Promise<void> {
  const key = keys.repair(sender.conversation, sender);
  const repair = await getRecord(transaction, key, Repair);
  if (repair === undefined) return;
  const isKnown = repair.isHurried && (repair.isMended || !isMended);
  if (isKnown) return;
  for (const { seq, wanted } of await listWanted(transaction, sender)) {
    if (wanted.asks === 0 || wanted.asks >= RESEND_WAITS_MS.length) continue;
    await putWanted(transaction, sender, { seq, wanted: { ...wanted, askAt: 0 } });
  }
  const dueAt = soonest(deps, repair, 0);
  const known = { ...repair, dueAt, isHurried: true, isMended: isMended || repair.isMended };
  await putRecord(transaction, key, [Repair, known]);
}

/** The message of this id and sender, as long as it is unreadable and may come again. */
export async function findMissed(
  transaction: StoreTransaction,
  sender: Sender,
  id: MessageId,
): Promise<UnreadableMessage | undefined> {
  const place = await findPlace(transaction, sender, id);
  const found = place && (await missedAt(transaction, place));
  const isIt = found?.id === id && addressKey(found.sender) === addressKey(sender);
  return isIt && !found.isRefused ? found : undefined;
}

/** Its place in the sender's conversation: something unreadable of the same id may have come in another one since. */
async function findPlace(
  transaction: StoreTransaction,
  sender: Sender,
  id: MessageId,
): Promise<Place | undefined> {
  const { conversation } = sender;
  const place = await getRecord(transaction, keys.messageId(sender, id), Place);
  if (place === undefined || place.conversation === conversation) return place;
  if ((await missedAt(transaction, place)) === undefined) return undefined;
  const wish = (await listWanted(transaction, sender)).find(({ wanted }) => wanted.id === id);
  return wish && { conversation, seq: wish.seq };
}

/** What could not be read of a place. */
export async function missedAt(
  transaction: StoreTransaction,
  { conversation, seq }: Place,
): Promise<UnreadableMessage | undefined> {
  const item = await getRecord(transaction, keys.message(conversation, seq), HistoryItem);
  if (item !== undefined) return item.type === 'unreadable' ? item : undefined;
  return getRecord(transaction, keys.unheard(conversation, seq), UnreadableMessage);
}
