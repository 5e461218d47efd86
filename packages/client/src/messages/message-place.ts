/** Where the message lies that a reference names. */
import type { ConversationId } from '@sotto/api';
import { keys } from '../store/key-space.ts';
import type { StoreTransaction } from '../store/store.ts';
import { decodeRecord, entriesUnder, getRecord } from '../store/stored-record.ts';
import { Place } from './history-item.ts';
import type { MessageReference } from './message-reference.ts';

/**
 * A reference does not say whose device it names. Where several accounts have one of this id, it is the author's own
 * message that is meant, and else the first one of the conversation: what a device of a borrowed id sends later takes
 * nothing over. The place may be in another conversation, when there is none in this one; undefined when there is none.
 */
export async function findPlace(
  transaction: StoreTransaction,
  conversation: ConversationId,
  { about, author }: { readonly about: MessageReference; readonly author?: string },
): Promise<Place | undefined> {
  const { device, id } = about;
  if (author !== undefined) {
    const own = await getRecord(transaction, keys.messageId({ user: author, device }, id), Place);
    if (own !== undefined) return own;
  }
  let found: Place | undefined;
  for await (const { key, value } of entriesUnder(transaction, keys.messagesOfId(id))) {
    if (!key.endsWith(`/${device}`)) continue;
    const place = decodeRecord(Place, value);
    const isHere = place.conversation === conversation;
    if (found === undefined || (isHere && isBehind(found, place))) found = place;
  }
  return found;
}

function isBehind(known: Place, place: Place): boolean {
  return known.conversation !== place.conversation || known.seq > place.seq;
}
