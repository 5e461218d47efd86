/** Finding the message that somebody wants to do something with: in the history, the outbox, or among what failed. */
import type { ConversationId } from '@sotto/api';
import { keys } from '../store/key-space.ts';
import type { StoreTransaction } from '../store/store.ts';
import { decodeRecord, entriesUnder, getRecord } from '../store/stored-record.ts';
import type { SessionsDeps } from '../trust/sessions.ts';
import { type Content, decodeContent } from './content.ts';
import { HistoryItem } from './history-item.ts';
import { findPlace } from './message-place.ts';
import type { MessageReference } from './message-reference.ts';
import { isControl, OutboxEntry } from './outbox-entry.ts';
import { getRefused } from './refused-message.ts';

/** A message that was found. */
export interface Found {
  readonly content: Content;
  readonly sender: { readonly user: string };
  /** Set while it has no place: it may not have left, or was refused for good. */
  readonly entry?: OutboxEntry;
  readonly isFailed?: boolean;
}

/** A message of the store that can be read; undefined when there is none. */
export async function findMessage(
  { local }: Pick<SessionsDeps, 'local'>,
  transaction: StoreTransaction,
  {
    conversation,
    about,
  }: { readonly conversation: ConversationId; readonly about: MessageReference },
): Promise<Found | undefined> {
  const author = local.address.user;
  const place = await findPlace(transaction, conversation, { about, author });
  if (place !== undefined) {
    if (place.conversation !== conversation) return undefined;
    const item = await getRecord(transaction, keys.message(conversation, place.seq), HistoryItem);
    return item?.type === 'message' ? item : undefined;
  }
  if (about.device !== local.address.device) return undefined;
  const sender = local.address;
  const failed = await getRefused(transaction, conversation, about.id);
  if (failed !== undefined) {
    return { content: decodeContent(failed.content), sender, entry: failed, isFailed: true };
  }
  for await (const { value } of entriesUnder(transaction, keys.outbox(conversation))) {
    const entry = decodeRecord(OutboxEntry, value);
    if (entry.id !== about.id || isControl(entry)) continue;
    return { content: decodeContent(entry.content), sender, entry };
  }
  return undefined;
}
