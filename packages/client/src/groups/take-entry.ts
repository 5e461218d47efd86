/** Entries of a group's membership log on their way in: each at its place in the order of the conversation. */
import { type ConversationId, type MembershipSlot, UserId } from '@sotto/api';
import { applyMembershipEntry, CryptoError, type LocalParty, type Provider } from '@sotto/crypto';
import { sameBytes } from '../account/records.ts';
import type { MembershipItem } from '../messages/history-item.ts';
import { keys } from '../store/key-space.ts';
import type { StoreTransaction } from '../store/store.ts';
import { getRecord } from '../store/stored-record.ts';
import { pinnedIdentity } from '../trust/peers.ts';
import {
  decodeEntry,
  getGroup,
  itemOf,
  LoggedEntry,
  logStep,
  membershipOf,
  putGroup,
} from './group-log.ts';

/** What came of a slot: the item for the history and whether the group has changed, or that the log has to be read. */
export type EntryOutcome =
  | { readonly item?: MembershipItem; readonly isNews: boolean; readonly isRename: boolean }
  | 'unsettled';

/**
 * Takes an entry in where it comes by itself. What does not simply follow on the newest one, or is by somebody whom this
 * device does not know under that identity, is `unsettled`, and nothing was written.
 */
export async function takeEntry(
  { provider, local }: { readonly provider: Provider; readonly local: LocalParty },
  transaction: StoreTransaction,
  { conversation, slot }: { conversation: ConversationId; slot: MembershipSlot },
): Promise<EntryOutcome> {
  const record = await getGroup(transaction, conversation);
  const entry = decodeEntry(slot.entry);
  if (record === undefined || entry === undefined) return 'unsettled';
  const isRename = entry.action.type === 'rename';
  const known = await getRecord(
    transaction,
    keys.groupEntry(conversation, entry.version),
    LoggedEntry,
  );
  if (known !== undefined) {
    if (!sameBytes(known.entry, slot.entry)) return 'unsettled';
    // Repeated at another place it changes nothing, so it is nothing to show either.
    const isThere = known.seq === slot.seq;
    return { ...(isThere && { item: itemOf(entry, conversation, slot) }), isNews: false, isRename };
  }
  if (record.broken !== undefined) return 'unsettled';
  const pinned =
    entry.author && (await pinnedIdentity(transaction, local, UserId.parse(entry.author.user)));
  try {
    const membership = applyMembershipEntry(provider, membershipOf(record), {
      encoded: slot.entry,
      isAuthor: ({ identityKey }) => pinned !== undefined && sameBytes(pinned, identityKey),
    });
    await putGroup(transaction, await logStep(transaction, record, { ...slot, membership }));
  } catch (error) {
    if (error instanceof CryptoError) return 'unsettled';
    throw error;
  }
  return { item: itemOf(entry, conversation, slot), isNews: true, isRename };
}

/**
 * The same once the log was read: what is still unsettled then contradicts it, and the group is broken. Gives the cause
 * when that is new.
 */
export async function convict(
  transaction: StoreTransaction,
  { conversation, slot }: { conversation: ConversationId; slot: MembershipSlot },
): Promise<string | undefined> {
  const record = await getGroup(transaction, conversation);
  if (record === undefined || record.broken !== undefined) return undefined;
  const entry = decodeEntry(slot.entry);
  const isKnown = entry !== undefined && entry.version <= record.head.version;
  const broken = isKnown ? 'head.forked' : 'log.gap';
  await putGroup(transaction, { ...record, broken });
  return broken;
}
