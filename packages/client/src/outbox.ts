/**
 * Messages of ours between being written and being `stored`. An entry is first content alone, then content with its
 * ciphertexts; it leaves with the platform's answer. All functions work within one store transaction.
 */
import {
  type ConversationId,
  DeviceId,
  type MessageId,
  type Recipient,
  type Stored,
  UserId,
} from '@sotto/api';
import { type Envelope, type LocalParty, sealEnvelope } from '@sotto/crypto';
import { type Content, decodeContent, encodeContent } from './content.ts';
import type { ConversationRecord } from './conversation-record.ts';
import { keepItem, readCursor, skipOwn, writeCursor } from './conversations.ts';
import { ClientError } from './errors.ts';
import type { HistoryItem } from './history-item.ts';
import type { Contact } from './key-log.ts';
import { keys } from './key-space.ts';
import { OUTBOX_PER_CONVERSATION_MAX } from './limits.ts';
import { assertNoAlarm, requireOwnHead, standingOf } from './log-standing.ts';
import { makeMessageId } from './message-id.ts';
import { OutboxEntry } from './outbox-entry.ts';
import { isListDoubtful, listHeads } from './peer-lists.ts';
import type { Wanted } from './peers.ts';
import { getPeer } from './records.ts';
import { takeSendNumber } from './send-counter.ts';
import { noteSent, sentAgainUpTo } from './sent-log.ts';
import { openSessions, type Sessions, type SessionsDeps } from './sessions.ts';
import type { StoreTransaction } from './store.ts';
import { decodeRecord, putRecord } from './stored-record.ts';

/**
 * Puts content at the end of a conversation's outbox. Throws `content.invalid`, `content.too-large` for what does not
 * fit into one message, and `outbox.full`.
 */
export async function enqueue(
  deps: SessionsDeps,
  transaction: StoreTransaction,
  { conversation, content }: { conversation: ConversationId; content: Content },
): Promise<MessageId> {
  const time = deps.clock();
  const id = makeMessageId(deps.provider, time);
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
  await assertRoom(transaction, entry);
  await putEntry(transaction, entry);
  return id;
}

/** The oldest entry is so far behind only when everything since it waits too. What is sent again stands in nobody's way. */
async function assertRoom(
  transaction: StoreTransaction,
  { conversation, counter }: OutboxEntry,
): Promise<void> {
  const after = keys.outboxEntry(conversation, await sentAgainUpTo(transaction, conversation));
  const [oldest] = await transaction.list({ prefix: keys.outbox(conversation), after, limit: 1 });
  if (oldest === undefined) return;
  const waiting = counter - decodeRecord(OutboxEntry, oldest.value).counter;
  if (waiting >= OUTBOX_PER_CONVERSATION_MAX) {
    throw new ClientError('outbox.full', 'too many messages wait to be sent');
  }
}

/** Either entries that may leave, or what must be fetched, read again, or found in the key log, before they can be encrypted. */
export type Sealing = { readonly sealed: OutboxEntry[] } | Missing;

type Missing =
  | { readonly wanted: Wanted[] }
  | { readonly doubtful: UserId[] }
  | { readonly unproven: Contact[] };

export interface SealInput {
  readonly conversation: ConversationRecord;
  /** Counter of the last entry that was sent already. */
  readonly after: number;
  readonly limit: number;
}

/**
 * The next entries of a conversation, encrypted and stored so. An entry that was encrypted before keeps its bytes: it
 * may have arrived. When something is missing, nothing was written. Throws `identity.changed`, `account.compromised`
 * and `key-log.broken`, whatever was encrypted before.
 */
export async function sealNext(
  deps: SessionsDeps,
  transaction: StoreTransaction,
  { conversation, after, limit }: SealInput,
): Promise<Sealing> {
  const page = await transaction.list({
    prefix: keys.outbox(conversation.id),
    after: keys.outboxEntry(conversation.id, after),
    limit,
  });
  const entries = page.map(({ value }) => decodeRecord(OutboxEntry, value));
  if (entries.length === 0) return { sealed: [] };
  await assertNoAlarm(transaction);
  const open = entries.filter((entry) => !entry.sealed);
  const targets = await findTargets(transaction, deps.local, conversation.members);
  if (open.length === 0) return { sealed: entries };
  if (!('devices' in targets)) return targets;
  const heads = {
    keyLog: await requireOwnHead(transaction),
    deviceLists: await listHeads(transaction, deps.local, conversation.members),
  };
  const sessions = openSessions(transaction, deps);
  const sealed = new Map<number, OutboxEntry>();
  for (const entry of open) {
    const outcome = await sealEntry(deps, sessions, { entry, targets: targets.devices, heads });
    if ('wanted' in outcome) return outcome;
    sealed.set(entry.counter, outcome);
    await putEntry(transaction, outcome);
  }
  await sessions.save();
  return { sealed: entries.map((entry) => sealed.get(entry.counter) ?? entry) };
}

/**
 * Takes a `stored` message out of the outbox and into the history. False when it was there already. Throws
 * `answer.invalid` when its place is taken.
 */
export async function settle(
  deps: SessionsDeps,
  transaction: StoreTransaction,
  { entry, stored }: { entry: OutboxEntry; stored: Stored },
): Promise<boolean> {
  const { conversation, seq } = stored;
  await transaction.delete(keys.outboxEntry(conversation, entry.counter));
  await noteSent(transaction, deps.local, { entry, seq, storedAt: deps.clock() });
  if (entry.resent === undefined) await keepItem(transaction, itemOf(deps, entry, stored));
  const cursor = await readCursor(transaction, conversation);
  let moved = await skipOwn(transaction, conversation, cursor);
  // It has a place in the history, and holds another one now that nobody else fills.
  if (entry.resent !== undefined && seq === moved + 1) moved = seq;
  if (moved !== cursor) await writeCursor(transaction, conversation, moved);
  return entry.resent === undefined;
}

function itemOf(
  { local }: SessionsDeps,
  { time, content }: OutboxEntry,
  { id, conversation, seq, sentAt }: Stored,
): HistoryItem {
  const { user, device } = local.address;
  return {
    type: 'message',
    id,
    conversation,
    seq,
    sender: { user: UserId.parse(user), device: DeviceId.parse(device) },
    sentAt,
    time,
    content: decodeContent(content),
    own: true,
    order: 'next',
  };
}

/** Takes a message that was refused for good out of the way, with its content. One that was sent again is in the history. */
export async function setAside(transaction: StoreTransaction, entry: OutboxEntry): Promise<void> {
  const kept = { ...entry, recipients: [], sealed: false };
  await transaction.delete(keys.outboxEntry(entry.conversation, entry.counter));
  if (entry.resent !== undefined) return;
  await putRecord(transaction, keys.failed(entry.id), [OutboxEntry, kept]);
}

/**
 * Lets refused entries be encrypted again, for the devices there are now. What they hold for other devices stays:
 * nothing of a refused message was stored, so those ciphertexts are still unused.
 */
export async function unseal(
  transaction: StoreTransaction,
  entries: readonly OutboxEntry[],
): Promise<void> {
  for (const entry of entries) await putEntry(transaction, { ...entry, sealed: false });
}

interface Target {
  readonly user: UserId;
  readonly device: DeviceId;
  readonly identityKey: Uint8Array;
}

async function findTargets(
  transaction: StoreTransaction,
  local: LocalParty,
  members: readonly UserId[],
): Promise<{ devices: Target[] } | Missing> {
  const devices: Target[] = [];
  const wanted: Wanted[] = [];
  const doubtful: UserId[] = [];
  const unproven: Contact[] = [];
  for (const user of members) {
    const isOwn = user === local.address.user;
    const peer = await getPeer(transaction, user);
    if (peer?.changedTo && !isOwn) {
      throw new ClientError('identity.changed', 'a contact has another identity key than before');
    }
    // Our other devices are learned from the platform's refusal: most accounts have none.
    if (!isOwn && (peer === undefined || peer.devices.length === 0)) {
      wanted.push({ user });
    } else if (!isOwn && peer && isListDoubtful(peer)) doubtful.push(user);
    if (peer === undefined) continue;
    const identityKey = isOwn ? local.identity.publicKey : peer.identityKey;
    if (!isOwn && (await standingOf(transaction, user, identityKey)) !== 'proven') {
      unproven.push({ user, identityKey });
    }
    for (const device of peer.devices) {
      if (device !== local.address.device) devices.push({ user, device, identityKey });
    }
  }
  if (wanted.length > 0) return { wanted };
  if (doubtful.length > 0) return { doubtful };
  return unproven.length > 0 ? { unproven } : { devices };
}

async function sealEntry(
  deps: SessionsDeps,
  sessions: Sessions,
  { entry, targets, heads }: { entry: OutboxEntry; targets: readonly Target[]; heads: Heads },
): Promise<OutboxEntry | { wanted: Wanted[] }> {
  const plaintext = envelopeOf(deps, entry, heads);
  const recipients: Recipient[] = [];
  const wanted: Wanted[] = [];
  for (const { user, device, identityKey } of targets) {
    const before = entry.recipients.find((recipient) => recipient.device === device);
    const ciphertext =
      before?.ciphertext ?? (await sessions.encrypt({ user, device }, plaintext, identityKey));
    if (ciphertext === undefined) wanted.push({ user, device });
    else recipients.push({ device, ciphertext });
  }
  return wanted.length > 0 ? { wanted } : { ...entry, recipients, sealed: true };
}

/** What this device has seen, as it goes into an envelope. */
type Heads = Pick<Envelope, 'keyLog' | 'deviceLists'>;

/** As long as any others of a conversation of two: what fits with them fits later. */
function anyHeads({ address: { user } }: LocalParty): Heads {
  const head = { version: 1, hash: new Uint8Array(32) };
  return { keyLog: head, deviceLists: [1, 2].map(() => ({ user, ...head })) };
}

/** The padded plaintext of an entry. Throws `content.too-large`. */
function envelopeOf({ local }: SessionsDeps, entry: OutboxEntry, heads: Heads): Uint8Array {
  const { conversation, id, counter, time, content } = entry;
  const sender = local.address;
  try {
    const head = { conversation, message: id, sender, counter, time };
    return sealEnvelope({ ...head, ...heads, content });
  } catch (cause) {
    throw new ClientError('content.too-large', 'the content does not fit into one message', {
      cause,
    });
  }
}

function putEntry(transaction: StoreTransaction, entry: OutboxEntry): Promise<void> {
  const key = keys.outboxEntry(entry.conversation, entry.counter);
  return putRecord(transaction, key, [OutboxEntry, entry]);
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
