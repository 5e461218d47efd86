/**
 * Messages of ours between being written and being `stored`. An entry is first content alone, then content with its
 * ciphertexts; it leaves with the platform's answer. All functions work within one store transaction.
 */
import { type ConversationId, DeviceId, type MessageId, type Stored, UserId } from '@sotto/api';
import { ClientError } from '../errors.ts';
import { getGroup } from '../groups/group-log.ts';
import { OUTBOX_PER_CONVERSATION_MAX } from '../limits.ts';
import { keys } from '../store/key-space.ts';
import type { StoreTransaction } from '../store/store.ts';
import { decodeRecord } from '../store/stored-record.ts';
import type { SessionsDeps } from '../trust/sessions.ts';
import { type Content, decodeContent, encodeContent } from './content.ts';
import { keepItem, passOwn, readCursor, writeCursor } from './conversations.ts';
import { anyHeads, envelopeOf } from './entry-envelope.ts';
import type { Message } from './history-item.ts';
import { dropTimer } from './lifetime.ts';
import { makeMessageId } from './message-id.ts';
import { isControl, keyOf, OutboxEntry, putEntry, readAgain } from './outbox-entry.ts';
import { noteOwnPlace } from './own-order.ts';
import { noteRefused, putRefused } from './refused-message.ts';
import { takeSendNumber } from './send-counter.ts';
import { noteSent, sentAgainUpTo } from './sent-log.ts';
import { contentWith, type WaitingChange } from './waiting-changes.ts';

export interface NewMessage {
  readonly conversation: ConversationId;
  readonly content: Content;
  /** Made here when left out. */
  readonly id?: MessageId | undefined;
  /** The least time that it may bear, whatever the clock says. */
  readonly notBefore?: number;
  /** Something else has just left the outbox, in whose place it stands: there is room for it. */
  readonly isInPlace?: boolean;
}

/**
 * Puts content at the end of a conversation's outbox. Throws `content.invalid`, `content.too-large` for what does not
 * fit into one message, and `outbox.full`.
 */
export async function enqueue(
  deps: SessionsDeps,
  transaction: StoreTransaction,
  { conversation, content, notBefore = 0, id: given, isInPlace = false }: NewMessage,
): Promise<MessageId> {
  const time = Math.max(deps.clock(), notBefore);
  const id = given ?? makeMessageId(deps.provider, time);
  const counter = await takeSendNumber(transaction, conversation);
  const entry: OutboxEntry = {
    id,
    conversation,
    counter,
    time,
    content: encodeContent(content),
    recipients: [],
    sealed: false,
  };
  envelopeOf(deps, entry, anyHeads(deps.local));
  if (!isInPlace) await assertRoom(transaction, entry);
  if (!(await maySpeak(deps, transaction, conversation))) {
    throw new ClientError('conversation.left', 'this account is not in the group any more');
  }
  await putEntry(transaction, entry);
  return id;
}

/** Whether nothing of a message has been encrypted yet, and so nobody can have it. */
export function isUntouched(entry: OutboxEntry): boolean {
  const { sealed, recipients, group, resent, hasLeft = false } = entry;
  const isSealed = sealed || recipients.length > 0 || group !== undefined;
  return !isSealed && !hasLeft && resent === undefined;
}

/** Lets an untouched entry say something else. Throws as {@link enqueue} does. */
export async function replaceContent(
  deps: SessionsDeps,
  transaction: StoreTransaction,
  { entry, content }: { readonly entry: OutboxEntry; readonly content: Content },
): Promise<void> {
  const replaced = { ...entry, content: encodeContent(content), isChanged: true };
  envelopeOf(deps, replaced, anyHeads(deps.local));
  await putEntry(transaction, replaced);
}

/** Whoever has left a group, or was removed, says nothing more there. */
export async function maySpeak(
  { local }: SessionsDeps,
  transaction: StoreTransaction,
  conversation: ConversationId,
): Promise<boolean> {
  const group = await getGroup(transaction, conversation);
  return group === undefined || group.members.includes(local.address.user as UserId);
}

/** Entries leave in their order: while the one so far behind waits, everything since it does. What is sent again stands in nobody's way. */
async function assertRoom(
  transaction: StoreTransaction,
  { conversation, counter }: OutboxEntry,
): Promise<void> {
  const behind = counter - OUTBOX_PER_CONVERSATION_MAX;
  if (behind <= (await sentAgainUpTo(transaction, conversation))) return;
  if ((await transaction.get(keys.outboxEntry(conversation, behind))) === undefined) return;
  throw new ClientError('outbox.full', 'too many messages wait to be sent');
}

interface Settling {
  readonly entry: OutboxEntry;
  readonly stored: Stored;
  readonly isForgotten?: boolean;
  /** What others have of it says something else. */
  readonly isEdited?: boolean | undefined;
}

/**
 * Takes a `stored` message out of the outbox and into the history. False when it was there already, or belongs there
 * never. What a forgotten life has sent has no order with what was sent since. Throws `answer.invalid` when its place is
 * taken.
 */
export async function settle(
  deps: SessionsDeps,
  transaction: StoreTransaction,
  { entry, stored, isForgotten = false, isEdited }: Settling,
): Promise<boolean> {
  const { conversation, seq } = stored;
  const isShown = entry.resent === undefined && !isControl(entry);
  const place = { counter: entry.counter, seq };
  const isOrdered = isShown && !isForgotten;
  const order = isOrdered ? await noteOwnPlace(transaction, conversation, place) : 'next';
  await transaction.delete(keyOf(entry));
  await noteSent(transaction, deps.local, { entry, seq, storedAt: deps.clock() });
  const cursor = await readCursor(transaction, conversation);
  if (isShown) await keepItem(transaction, { ...itemOf(deps, entry, stored), order, isEdited });
  else if (seq > cursor) await transaction.put(keys.ownPlace(conversation, seq), NOTHING);
  const moved = await passOwn(transaction, conversation, cursor);
  if (moved !== cursor) await writeCursor(transaction, conversation, moved);
  return isShown;
}

const NOTHING = new Uint8Array(0);

function itemOf(
  { local }: SessionsDeps,
  { time, content, counter, group, sealedAt }: OutboxEntry,
  { id, conversation, seq, sentAt }: Stored,
): Message {
  const { user, device } = local.address;
  return {
    type: 'message',
    id,
    conversation,
    seq,
    sender: { user: UserId.parse(user), device: DeviceId.parse(device) },
    sentAt,
    time,
    sealedAt,
    content: decodeContent(content),
    own: true,
    order: 'next',
    counter,
    ...(group && { membership: group.version }),
  };
}

interface SettingAside {
  /** What its author has done to it since, and is not stored. */
  readonly change: WaitingChange | undefined;
  /** Others may have it, as what this device has sent. */
  readonly sentBy?: DeviceId;
}

/**
 * Takes a message that was refused for good out of the way, with its content as a person wants it by now; of one that was
 * taken back meanwhile nothing stays but that it was refused, which whoever waits for it asks. Resolves with whether
 * somebody would look for it: not for one that was sent again, which is in the history, nor for a control message, nor for
 * what another connection has got stored meanwhile.
 */
export async function setAside(
  transaction: StoreTransaction,
  refused: OutboxEntry,
  { change, sentBy }: SettingAside,
): Promise<boolean> {
  const entry = await readAgain(transaction, refused);
  if (entry === undefined) return false;
  const { id, conversation } = entry;
  await transaction.delete(keyOf(entry));
  if (entry.resent !== undefined || isControl(entry)) return false;
  const content = contentWith(entry.content, change);
  const { group: _, ...kept } = { ...entry, recipients: [], sealed: false };
  if (content === undefined) await noteRefused(transaction, entry);
  else await putRefused(transaction, { ...kept, content, sentBy });
  await dropTimer(transaction, conversation, id);
  return true;
}

/** What a lane was refused. */
export interface Refused {
  readonly entries: readonly OutboxEntry[];
  /** Aborted when the connection has ended. */
  readonly signal: AbortSignal;
}

/**
 * Lets refused entries be encrypted again, for the devices there are now. What they hold for other devices stays:
 * nothing of a refused message was stored, so those ciphertexts are still unused. What is sent again is encrypted for
 * nobody else: it only leaves out the devices that have `gone`. What another connection has got stored meanwhile stays
 * so; and nothing is done once the lane has ended, since the next one may have the same bytes under way.
 */
export async function unseal(
  transaction: StoreTransaction,
  { entries, signal }: Refused,
  gone: readonly string[] = [],
): Promise<void> {
  if (signal.aborted) return;
  for (const refused of entries) {
    const entry = await readAgain(transaction, refused);
    if (entry === undefined) continue;
    const { group: _, ...open } = { ...entry, sealed: false, hasLeft: true };
    const recipients = entry.recipients.filter(({ device }) => !gone.includes(device));
    const isAgain = entry.resent !== undefined;
    await putEntry(transaction, isAgain ? { ...entry, recipients } : open);
  }
}

/** The conversations that have something to send. */
export async function outboxConversations(
  transaction: StoreTransaction,
): Promise<ConversationId[]> {
  const found: ConversationId[] = [];
  let after = keys.outbox();
  for (;;) {
    const [entry] = await transaction.list({ prefix: keys.outbox(), after, limit: 1 });
    if (entry === undefined) return found;
    const { conversation } = decodeRecord(OutboxEntry, entry.value);
    found.push(conversation);
    after = keys.outboxEntry(conversation, Number.MAX_SAFE_INTEGER);
  }
}
