/** One incoming message: decrypted, its envelope held against what the platform said, its content read. */
import type { ConversationId, MessageSlot } from '@sotto/api';
import {
  acceptCounter,
  CryptoError,
  type Envelope,
  openEnvelope,
  type SenderCounter,
} from '@sotto/crypto';
import { decodeContent } from './content.ts';
import type { ConversationRecord } from './conversation-record.ts';
import { ClientError } from './errors.ts';
import type { Events } from './events.ts';
import type { AnyMessage } from './history-item.ts';
import { keys } from './key-space.ts';
import { noteClaim } from './log-standing.ts';
import { noteListClaim } from './peer-lists.ts';
import { pinnedIdentity } from './peers.ts';
import { Account, Peer, SenderCounterRecord } from './records.ts';
import type { Sessions, SessionsDeps } from './sessions.ts';
import type { StoreTransaction } from './store.ts';
import { getRecord, putRecord } from './stored-record.ts';
import { takeControl } from './take-control.ts';

export interface OpenDeps extends SessionsDeps {
  readonly transaction: StoreTransaction;
  readonly sessions: Sessions;
  readonly conversation: ConversationRecord;
  readonly events: Events;
  /** There is something new to send in a conversation; to be called {@link later}. */
  readonly wake: (conversation: ConversationId) => void;
  /** Takes what is to be done once the transaction is on disk. */
  readonly later: (() => void)[];
}

export interface Arrival {
  /** What goes into the history; a control message does not. */
  readonly item?: AnyMessage;
  readonly usedPrekey: boolean;
}

/**
 * Opens a slot's message. What cannot be read comes out as `unreadable` with its cause; the session keeps whatever
 * did decrypt. Throws only what is not the message's fault.
 */
export async function openArrival(deps: OpenDeps, slot: MessageSlot): Promise<Arrival> {
  const { id, seq, sender, sentAt } = slot;
  const conversation = deps.conversation.id;
  const placed = { id, conversation, seq, sender, sentAt };
  let usedPrekey = false;
  try {
    assertCanBeSender(deps, sender);
    const decrypted = await decrypt(deps, slot);
    usedPrekey = decrypted.usedOneTimePrekeyId !== undefined;
    const expected = { conversation, message: id, sender, controlAllowed: true };
    const envelope = openEnvelope(decrypted.plaintext, expected);
    const own = sender.user === deps.local.address.user;
    if (envelope.keyLog && !own) await noteClaim(deps.transaction, sender.user, envelope.keyLog);
    if (!own) await noteListClaim(deps.transaction, sender.user, envelope.deviceLists);
    if (envelope.control) {
      await takeControl(deps, { ...placed, time: envelope.time, content: envelope.content });
      return { usedPrekey };
    }
    const content = decodeContent(envelope.content);
    const order = await acceptOrder(deps.transaction, { ...placed, envelope });
    const item = { type: 'message', ...placed, time: envelope.time, content, own, order } as const;
    return { item, usedPrekey };
  } catch (error) {
    if (!isOfTheMessage(error)) throw error;
    return { item: { type: 'unreadable', ...placed, cause: error.code }, usedPrekey };
  }
}

/**
 * Strangers do not write here, and nobody but the platform can have sent what claims to come from this device: our
 * messages return as `stored` only.
 */
function assertCanBeSender(
  { local, conversation }: OpenDeps,
  { user, device }: MessageSlot['sender'],
): void {
  if (!conversation.members.includes(user)) {
    throw new ClientError('sender.invalid', 'the sender is not in the conversation');
  }
  if (user === local.address.user && device === local.address.device) {
    throw new ClientError('sender.invalid', 'the message claims to be from this device');
  }
}

async function decrypt(
  { transaction, sessions, local }: OpenDeps,
  { sender, ciphertext }: MessageSlot,
) {
  const { user, device } = sender;
  const pinned = await pinnedIdentity(transaction, local, user);
  const decrypted = await sessions.decrypt(sender, ciphertext, pinned);
  if (pinned === undefined) {
    // Trust on first use: the same identity is asked for from now on, until somebody compares safety numbers.
    const met = { user, identityKey: decrypted.remoteIdentity, devices: [device] };
    await putRecord(transaction, keys.peer(user), [Peer, met]);
  }
  return decrypted;
}

interface Counted extends Pick<AnyMessage, 'conversation' | 'sender'> {
  readonly envelope: Envelope;
}

/** Judges the sender's own count, which the platform cannot change; throws for a number that came before. */
async function acceptOrder(
  transaction: StoreTransaction,
  { conversation, sender, envelope }: Counted,
): Promise<'next' | 'gap' | 'late'> {
  const key = keys.senderCounter(conversation, sender.device);
  const before = await getRecord(transaction, key, SenderCounterRecord);
  const from = before ?? (await firstExpected(transaction));
  const { verdict, seen } = acceptCounter(from, envelope.counter);
  const record = { highest: seen.highest, missing: [...seen.missing] };
  await putRecord(transaction, key, [SenderCounterRecord, record]);
  return verdict;
}

/** What there is to expect of a sender not seen before: number 1, unless this device may have joined late. */
async function firstExpected(transaction: StoreTransaction): Promise<SenderCounter | undefined> {
  const account = await getRecord(transaction, keys.account, Account);
  return account?.isFirstDevice ? { highest: 0, missing: [] } : undefined;
}

function isOfTheMessage(error: unknown): error is CryptoError | ClientError {
  if (error instanceof ClientError) {
    return error.code === 'content.invalid' || error.code === 'sender.invalid';
  }
  // Wrong input is our own bug and must not pass for a broken message.
  return error instanceof CryptoError && error.code !== 'input.invalid';
}
