/**
 * The store of a device that the platform does not take back: it was taken off the account, or has lost its key. With
 * the password it goes on as another device of the same account, and of the same identity for as long as that lasts.
 */
import type { DeviceId, MessageId } from '@sotto/api';
import { makeRegistrationId, type Provider, signingKeyPairOf, signingSeed } from '@sotto/crypto';
import { remarkOf } from '../messages/annotations.ts';
import { type Content, decodeContent, encodeContent } from '../messages/content.ts';
import { ConversationRecord } from '../messages/conversation-record.ts';
import type { MessageReference } from '../messages/message-reference.ts';
import { setAside } from '../messages/outbox.ts';
import { isControl, OutboxEntry } from '../messages/outbox-entry.ts';
import { notePassedOver } from '../messages/passed-over.ts';
import { waitingChanges } from '../messages/waiting-changes.ts';
import { keys } from '../store/key-space.ts';
import type { StoreTransaction } from '../store/store.ts';
import { decodeRecord, entriesUnder, getRecord, putRecord } from '../store/stored-record.ts';
import { adoptIdentity, nextSignedPrekey } from './identity-change.ts';
import { listSignedPrekeys } from './prekeys.ts';
import { Account, Cursor, IdentityRecord, SignedPrekeyRecord } from './records.ts';

/** From which device to which. */
export interface DeviceMove {
  readonly from: DeviceId;
  readonly to: DeviceId;
}

/**
 * Within the transaction that names the other device: what belonged to the one before goes, and prekeys are made for
 * this one. Contacts, conversations and messages stay; what waits to be sent is encrypted anew, as this device's. Resolves
 * with what is not, and has failed: a person decides whether it is said again.
 */
export async function becomeAnotherDevice(
  transaction: StoreTransaction,
  provider: Provider,
  move: DeviceMove,
): Promise<readonly OutboxEntry[]> {
  const failed = await setAsideUncertain(transaction, move);
  await forgetSealed(transaction, move);
  // Of conversations that only the device before has read, the platform says where this one begins.
  await transaction.delete(keys.conversationsListed);
  await passOverMeanwhile(transaction);
  await transaction.put(keys.formerDevice(move.from), new Uint8Array(0));
  await transaction.delete(keys.formerDevice(move.to));
  const before = await getRecord(transaction, keys.identity, IdentityRecord);
  if (before === undefined) return failed;
  // An identity that others know is never claimed a second time: when the account has another one, a person decides.
  const wasPublished = (await listSignedPrekeys(transaction)).some(({ published }) => published);
  const isShared = before.isShared === true || wasPublished;
  const identity = { seed: before.seed, registrationId: makeRegistrationId(provider), isShared };
  await adoptIdentity(transaction, identity);
  const pair = signingKeyPairOf(provider, signingSeed<'identity'>(before.seed));
  const prekey = await nextSignedPrekey(provider, transaction, pair);
  await putRecord(transaction, keys.signedPrekey(prekey.id), [SignedPrekeyRecord, prekey]);
  return failed;
}

/**
 * The platform begins the cursors of a device that is new at the ends: that it is ahead is no sign of a stale store. Of
 * groups that the account has left it tells nothing.
 */
async function passOverMeanwhile(transaction: StoreTransaction): Promise<void> {
  const account = await getRecord(transaction, keys.account, Account);
  for await (const { value } of entriesUnder(transaction, keys.conversations)) {
    const { id, members } = decodeRecord(ConversationRecord, value);
    const isThere = members.some((user) => user === account?.user);
    const begun = await getRecord(transaction, keys.cursor(id), Cursor);
    if (isThere && begun !== undefined) await notePassedOver(transaction, id, begun.seq);
  }
}

/**
 * What may be stored as the device before has sent it. Ids are their device's own, so everybody would see it twice, and of
 * two people's conversation the platform shows this device nothing that the one before has sent. What speaks of another
 * message may be said twice. It is kept as a person sees it: with the text that it was to have since, and without one
 * when it was taken back. Those who may have it are told of that by what waits.
 */
async function setAsideUncertain(
  transaction: StoreTransaction,
  { from }: DeviceMove,
): Promise<OutboxEntry[]> {
  const failed: OutboxEntry[] = [];
  const changes = await waitingChanges(transaction, from);
  for await (const { value } of entriesUnder(transaction, keys.outbox())) {
    const entry = decodeRecord(OutboxEntry, value);
    const mayBeStored = entry.sealed || entry.hasLeft === true;
    if (!mayBeStored || isControl(entry) || remarkOf(decodeContent(entry.content))) continue;
    const change = changes.get(entry.id);
    if (await setAside(transaction, entry, { change, sentBy: from })) failed.push(entry);
  }
  return failed;
}

/** Nobody could read from this device what was encrypted for them on the other. */
async function forgetSealed(transaction: StoreTransaction, move: DeviceMove): Promise<void> {
  const waiting = await waitingIds(transaction);
  const moved = (reference: MessageReference) =>
    reference.device === move.from && waiting.has(reference.id)
      ? { ...reference, device: move.to }
      : reference;
  for await (const { key, value } of entriesUnder(transaction, keys.outbox())) {
    const { group: _, ...entry } = decodeRecord(OutboxEntry, value);
    const content = isControl(entry) ? entry.content : moveReferences(entry.content, moved);
    const open = { ...entry, content, recipients: [], sealed: false };
    // What was only sent again is in the history, and was for those whom the device before had encrypted it for.
    if (entry.resent !== undefined) await transaction.delete(key);
    else await putRecord(transaction, key, [OutboxEntry, open]);
  }
}

/** Messages that will be this device's, although they were written on the one before. */
async function waitingIds(transaction: StoreTransaction): Promise<ReadonlySet<MessageId>> {
  const waiting = new Set<MessageId>();
  for await (const { value } of entriesUnder(transaction, keys.outbox())) {
    const entry = decodeRecord(OutboxEntry, value);
    if (!isControl(entry) && entry.resent === undefined) waiting.add(entry.id);
  }
  return waiting;
}

function moveReferences(
  encoded: Uint8Array,
  moved: (reference: MessageReference) => MessageReference,
): Uint8Array {
  const content = decodeContent(encoded);
  const changed = withReferences(content, moved);
  return changed === content ? encoded : encodeContent(changed);
}

/** What speaks of a message that waits, too, speaks of it under the name that it will have. */
function withReferences(
  content: Content,
  moved: (reference: MessageReference) => MessageReference,
): Content {
  switch (content.type) {
    case 'text':
    case 'file': {
      const { replyTo } = content;
      return replyTo === undefined ? content : { ...content, replyTo: moved(replyTo) };
    }
    case 'reaction':
      return { ...content, to: moved(content.to) };
    case 'edit':
    case 'delete':
      return { ...content, of: moved(content.of) };
    default:
      return content;
  }
}
