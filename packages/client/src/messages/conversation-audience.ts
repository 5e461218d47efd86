/** Who of a conversation is to learn of this account what it does not write: how it looks, and how far it has read. */
import type { ConversationId, DeviceId, UserId } from '@sotto/api';
import type { LocalParty } from '@sotto/crypto';
import { getPeer } from '../account/records.ts';
import { OWN_ITEMS_SEARCHED_MAX } from '../limits.ts';
import { keys } from '../store/key-space.ts';
import type { StoreTransaction } from '../store/store.ts';
import type { HistoryItem } from './history-item.ts';
import { itemsBefore } from './history-pages.ts';

/**
 * Whether this account has accepted a conversation: from here, or by having written there, also from another device of its
 * own. Elsewhere strangers learn nothing of it.
 */
export async function isOpenTo(
  transaction: StoreTransaction,
  { address }: LocalParty,
  conversation: ConversationId,
): Promise<boolean> {
  if (await transaction.get(keys.sendCounter(conversation))) return true;
  if (await transaction.get(keys.accepted(conversation))) return true;
  let searched = 0;
  for await (const item of itemsBefore(transaction, conversation, undefined)) {
    if (isBy(item, address.user)) return true;
    searched += 1;
    if (searched === OWN_ITEMS_SEARCHED_MAX) break;
  }
  return false;
}

/** The known devices of somebody else; none of whoever is blocked, or has another identity than the one accepted. */
export async function openDevicesOf(
  transaction: StoreTransaction,
  user: UserId,
): Promise<DeviceId[]> {
  if (await transaction.get(keys.block(user))) return [];
  const peer = await getPeer(transaction, user);
  return peer === undefined || peer.changedTo !== undefined ? [] : peer.devices;
}

function isBy(item: HistoryItem, user: string): boolean {
  if (item.type === 'membership') return item.author === user;
  return item.sender.user === user;
}
