/**
 * A message whose id the platform has for other bytes, at a place of the same conversation: it was sent in a life that
 * this store has forgotten, because an old copy of it was put back. It stands there as it was written first.
 */
import { DeviceId, type Stored, UserId } from '@sotto/api';
import type { LocalParty } from '@sotto/crypto';
import { keys } from '../store/key-space.ts';
import type { StoreTransaction } from '../store/store.ts';
import { getRecord } from '../store/stored-record.ts';
import type { SessionsDeps } from '../trust/sessions.ts';
import { nothingOf, timeAfterRemarks } from './annotations.ts';
import { decodeContent } from './content.ts';
import { isPlaceTaken } from './conversations.ts';
import { HistoryItem, Place } from './history-item.ts';
import { enqueue, settle } from './outbox.ts';
import { isControl, type OutboxEntry } from './outbox-entry.ts';

/** An entry, and where the platform says that its id stands. */
export interface Used {
  readonly entry: OutboxEntry;
  readonly stored: Stored;
}

/**
 * Takes the entry for stored there. What was changed here before it left is said behind it, since others have the message
 * without that. Resolves with whether that is news, as `settle`; with undefined when this store has another message under
 * the id, or something else in the place, so that the entry is none that was forgotten: nothing has changed then.
 */
export async function settleUsed(
  deps: SessionsDeps,
  transaction: StoreTransaction,
  { entry, stored }: Used,
): Promise<boolean | undefined> {
  if (await isOfAnother(deps.local, transaction, { entry, stored })) return undefined;
  // What is sent again after a restore of the platform had said it the first time.
  const isToSay = entry.isChanged === true && entry.resent === undefined;
  // Unless it may have been stored as this life had sealed it first, which was changed by then.
  const isEdited = (isToSay && !entry.hasLeft && !entry.mayBeStored) || undefined;
  // What stands there is not what was encrypted last.
  const before = { ...entry, sealedAt: undefined };
  const settling = { entry: before, stored, isForgotten: true, isEdited };
  const isNews = await settle(deps, transaction, settling);
  if (isToSay) await sayChange(deps, transaction, entry);
  return isNews;
}

/**
 * Of one that this life has sent, and an application has given its id to a second one; or the place is that of something
 * else, whatever the platform says, and says again each time.
 */
async function isOfAnother(
  { address }: LocalParty,
  transaction: StoreTransaction,
  { entry, stored: { conversation, seq } }: Used,
): Promise<boolean> {
  if (entry.resent !== undefined || isControl(entry)) return false;
  const sender = { user: UserId.parse(address.user), device: DeviceId.parse(address.device) };
  if (await isPlaceTaken(transaction, { conversation, seq, id: entry.id, sender })) return true;
  const place = await getRecord(transaction, keys.messageId(address, entry.id), Place);
  if (place === undefined) return false;
  const key = keys.message(place.conversation, place.seq);
  return (await getRecord(transaction, key, HistoryItem))?.type === 'message';
}

async function sayChange(
  deps: SessionsDeps,
  transaction: StoreTransaction,
  { id, conversation, content: encoded }: OutboxEntry,
): Promise<void> {
  const { user, device } = deps.local.address;
  const about = { device: DeviceId.parse(device), id };
  const now = decodeContent(encoded);
  const content =
    now.type === 'text' ? ({ type: 'edit', of: about, text: now.text } as const) : nothingOf(about);
  const written = { about, user: UserId.parse(user) };
  const notBefore = await timeAfterRemarks(transaction, conversation, written);
  await enqueue(deps, transaction, { conversation, content, notBefore, isInPlace: true });
}
