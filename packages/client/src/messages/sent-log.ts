/**
 * What the platform has stored of this device in the last days, two at least, kept as it left: one that is restored from a
 * backup lacks what came after it, and gets it again under the same ids with the same ciphertexts (DESIGN 2.9).
 */
import { type ConversationId, DeviceId, Seq } from '@sotto/api';
import type { LocalParty } from '@sotto/crypto';
import * as z from 'zod/mini';
import { confirmedTime } from '../account/confirmed-time.ts';
import { IN_FLIGHT_MAX, RESEND_MS, STORE_PAGE } from '../limits.ts';
import { keys } from '../store/key-space.ts';
import type { Store, StoreTransaction } from '../store/store.ts';
import {
  Counter,
  decodeRecord,
  entriesUnder,
  getRecord,
  putRecord,
} from '../store/stored-record.ts';
import { nothingOf } from './annotations.ts';
import { encodeContent } from './content.ts';
import { HistoryItem, Place } from './history-item.ts';
import { isControl, OutboxEntry, putEntry } from './outbox-entry.ts';

/** In the place of content that lies in the history. */
const NOT_HERE = Uint8Array.of(0);

/** A message that was stored. It lies under its number in the order of the platform's answers. */
const SentMessage = z.object({
  entry: OutboxEntry,
  seq: Seq,
  /** By this machine's clock, in milliseconds. */
  storedAt: z.number(),
});

/** How many messages of this device the platform has, as far as it has answered. */
const SentCount = z.object({ count: z.int().check(z.minimum(0)) });

/** How many messages of this device the platform has answered; undefined before that was first counted. */
export async function countSent(
  transaction: StoreTransaction,
  local: LocalParty,
): Promise<number | undefined> {
  const record = await getRecord(transaction, keys.sentCount(deviceOf(local)), SentCount);
  return record?.count;
}

/** Goes by the platform's count from now on. */
export function setSentCount(
  transaction: StoreTransaction,
  local: LocalParty,
  count: number,
): Promise<void> {
  return putRecord(transaction, keys.sentCount(deviceOf(local)), [SentCount, { count }]);
}

/** Takes down that a message was stored. One that was sent again and had not been lost counts no second time. */
export async function noteSent(
  transaction: StoreTransaction,
  local: LocalParty,
  { entry, seq, storedAt }: { entry: OutboxEntry; seq: number; storedAt: number },
): Promise<void> {
  const { resent, ...sent } = entry;
  // What a message says lies in the history alone, from where it can be taken back.
  const content = isControl(entry) ? entry.content : NOT_HERE;
  const record = { entry: { ...sent, content }, seq, storedAt };
  const count = (await countSent(transaction, local)) ?? 0;
  const isCounted = resent !== undefined && resent.seq === seq && resent.number <= count;
  const number = isCounted ? resent.number : count + 1;
  if (!isCounted) await setSentCount(transaction, local, number);
  await putRecord(transaction, keys.sent(deviceOf(local), number), [SentMessage, record]);
}

/**
 * Forgets what no restore is to bring back any more: up to a time that has passed for certain, since a clock that is ahead
 * once must not have a restored platform lack what it was sent. To be run often: it ends at the first that stays.
 */
export async function forgetSent(store: Store, local: LocalParty, now: number): Promise<void> {
  const prefix = keys.allSent(deviceOf(local));
  for (let isMore = true; isMore; ) {
    isMore = await store.transaction(async (transaction) => {
      const passed = await confirmedTime(transaction);
      if (passed === undefined || passed > now) return false;
      const page = await transaction.list({ prefix, limit: STORE_PAGE });
      let left = 0;
      for (const { key, value } of page) {
        const sent = decodeRecord(SentMessage, value);
        if (passed - sent.storedAt > RESEND_MS) await transaction.delete(key);
        else left += 1;
        // By a clock that was ahead: it would never grow old.
        if (sent.storedAt > now) {
          await putRecord(transaction, key, [SentMessage, { ...sent, storedAt: now }]);
        }
      }
      return left === 0 && page.length === STORE_PAGE;
    });
  }
}

/**
 * Puts what a restored platform may lack back into the outbox, in front of what waits there: all that was stored after
 * the first `count` messages, by its own count. May be broken off and done again.
 */
export async function sendAgain(store: Store, local: LocalParty, count: number): Promise<void> {
  const device = deviceOf(local);
  const prefix = keys.allSent(device);
  // Answers come in another order than commits by as many messages as are under way at once.
  const after = keys.sent(device, Math.max(0, count - IN_FLIGHT_MAX));
  for (let isMore = true; isMore; ) {
    isMore = await store.transaction(async (transaction) => {
      const page = await transaction.list({ prefix, after, limit: STORE_PAGE });
      for (const { key, value } of page) {
        const { entry, seq } = decodeRecord(SentMessage, value);
        const number = Number(key.slice(prefix.length));
        const content = await contentOf(transaction, local, entry);
        const again = { ...entry, content, sealed: true, resent: { number, seq } };
        await putAgain(transaction, again);
        await transaction.delete(key);
      }
      return page.length === STORE_PAGE;
    });
  }
}

/** The counter up to which messages of a conversation were sent again: what waits in its outbox lies behind. */
export async function sentAgainUpTo(
  transaction: StoreTransaction,
  conversation: ConversationId,
): Promise<number> {
  const record = await getRecord(transaction, keys.sentAgain(conversation), Counter);
  return (record?.next ?? 1) - 1;
}

/** As the history has it by now: what was taken back or has gone away is not kept here for its sake. */
async function contentOf(
  transaction: StoreTransaction,
  local: LocalParty,
  entry: OutboxEntry,
): Promise<Uint8Array> {
  if (isControl(entry)) return entry.content;
  const { id } = entry;
  const place = await getRecord(transaction, keys.messageId(local.address, id), Place);
  const nothing = nothingOf({ device: deviceOf(local), id });
  if (place === undefined) return encodeContent(nothing);
  const key = keys.message(place.conversation, place.seq);
  const item = await getRecord(transaction, key, HistoryItem);
  const isThere = item?.type === 'message' && item.content.type !== 'deleted';
  return encodeContent(isThere ? item.content : nothing);
}

async function putAgain(transaction: StoreTransaction, entry: OutboxEntry): Promise<void> {
  const { conversation, counter } = entry;
  await putEntry(transaction, entry);
  if (counter > (await sentAgainUpTo(transaction, conversation))) {
    await putRecord(transaction, keys.sentAgain(conversation), [Counter, { next: counter + 1 }]);
  }
}

/** How many messages of this device may be stored though no answer has come: they have left, or may have. */
export async function countUnanswered(
  transaction: StoreTransaction,
  conversation?: ConversationId,
): Promise<number> {
  let count = 0;
  for await (const { value } of entriesUnder(transaction, keys.outbox(conversation))) {
    const { sealed, mayBeStored } = decodeRecord(OutboxEntry, value);
    if (sealed || mayBeStored) count += 1;
  }
  return count;
}

function deviceOf({ address }: LocalParty): DeviceId {
  return DeviceId.parse(address.device);
}
