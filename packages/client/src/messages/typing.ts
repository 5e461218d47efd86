/**
 * That somebody writes just now: the one thing that is said and not stored. It is encrypted like a message, under keys
 * that nothing else uses, is dropped wherever it does not get through, and nobody counts on it.
 */
import type { ClientFrame, ConversationId, Recipient, ServerFrame } from '@sotto/api';
import { CryptoError, type Envelope, openEnvelope, sealEnvelope } from '@sotto/crypto';
import * as z from 'zod/mini';
import { ClientError } from '../errors.ts';
import type { Events } from '../events.ts';
import { encryptForGroup } from '../groups/group-keys.ts';
import { isOpen, reachOf } from '../groups/group-reach.ts';
import { decryptInGroup } from '../groups/open-group-message.ts';
import { EPHEMERAL_AGE_MS_MAX, EPHEMERAL_PENDING_MAX, TYPING_PER_MESSAGE_MAX } from '../limits.ts';
import { keys } from '../store/key-space.ts';
import type { Store, StoreTransaction } from '../store/store.ts';
import { getRecord, putRecord } from '../store/stored-record.ts';
import { pinnedIdentity } from '../trust/peers.ts';
import { openSessions, type SessionsDeps } from '../trust/sessions.ts';
import { ConversationRecord, type GroupRecord } from './conversation-record.ts';
import { lastSendNumber } from './send-counter.ts';
import { versionedJson } from './versioned-json.ts';

/** What is said and not stored. */
const Ephemeral = z.discriminatedUnion('type', [z.strictObject({ type: z.literal('typing') })]);

const json = versionedJson(Ephemeral, new Map([['typing', 1]]));

/**
 * Stands where a message has its id. The contract knows no message of this id, so a platform cannot deliver such a
 * ciphertext as a message, nor a message as such.
 */
const NO_MESSAGE = '00000000-0000-0000-0000-000000000000';

/** How often something was said since the last message. */
const Spent = z.object({ counter: z.int(), count: z.int() });

export interface TypingDeps extends SessionsDeps {
  readonly store: Store;
  readonly events: Events;
}

export interface HearingDeps extends TypingDeps {
  /** For work that nobody waits for but whoever ends everything: what fails is told. */
  readonly inBackground: (work: Promise<void>) => void;
}

type Outgoing = Extract<ClientFrame, { type: 'ephemeral' }>;
type Incoming = Extract<ServerFrame, { type: 'ephemeral' }>;

/**
 * The frame that says it to the others of a conversation, as far as there are keys for them. Undefined when there is
 * nobody to say it to, or it was said often enough since the last message: each time takes a key of every session, and
 * whoever is away has to skip them all.
 */
export function sealTyping(
  deps: TypingDeps,
  conversation: ConversationId,
): Promise<Outgoing | undefined> {
  return deps.store.transaction(async (transaction) => {
    const room = await getRecord(transaction, keys.conversation(conversation), ConversationRecord);
    const isIn = room?.members.some((user) => user === deps.local.address.user) ?? false;
    if (room === undefined || !isIn || (await hasAlarm(transaction))) return undefined;
    if (!(await spend(transaction, conversation))) return undefined;
    const to =
      room.kind === 'group'
        ? await sealForAll(deps, transaction, room)
        : await sealForEach(deps, transaction, room);
    return to && { type: 'ephemeral', conversation, ...to };
  });
}

async function sealForAll(
  deps: TypingDeps,
  transaction: StoreTransaction,
  conversation: GroupRecord,
): Promise<{ ciphertext: Uint8Array } | undefined> {
  if (conversation.broken !== undefined) return undefined;
  const plaintext = plaintextOf(deps, conversation, {});
  const ciphertext = await encryptForGroup(deps, transaction, { conversation, plaintext });
  return ciphertext && { ciphertext };
}

async function sealForEach(
  deps: TypingDeps,
  transaction: StoreTransaction,
  conversation: ConversationRecord,
): Promise<{ recipients: Recipient[] } | undefined> {
  const plaintext = plaintextOf(deps, conversation, { control: true });
  const sessions = openSessions(transaction, deps);
  const recipients: Recipient[] = [];
  for (const user of conversation.members) {
    const reach = await reachOf(transaction, deps.local, user);
    if (user === deps.local.address.user || !isOpen(reach) || !reach.isProven) continue;
    for (const device of reach.devices) {
      const to = { user, device };
      const ciphertext = await sessions.encrypt(to, plaintext, reach.identityKey);
      if (ciphertext !== undefined) recipients.push({ device, ciphertext });
    }
  }
  await sessions.save();
  return recipients.length === 0 ? undefined : { recipients };
}

function plaintextOf(
  { local, clock }: TypingDeps,
  { id: conversation }: ConversationRecord,
  control: Pick<Envelope, 'control'>,
): Uint8Array {
  const place = { conversation, message: NO_MESSAGE, sender: local.address };
  const said = { counter: 1, time: clock(), content: json.encode({ type: 'typing' }) };
  return sealEnvelope({ ...place, ...said, ...control, deviceLists: [] });
}

/** Takes what others say over one connection. Never throws; what is not sound, or comes too fast or too late, is dropped. */
export function hearEphemeral(deps: HearingDeps): (frame: Incoming) => void {
  let pending = 0;
  return (frame) => {
    if (pending >= EPHEMERAL_PENDING_MAX) return;
    pending += 1;
    const { conversation, sender } = frame;
    const hearing = open(deps, frame)
      .then((isHeard) => {
        if (isHeard) deps.events.emit('typing', { conversation, user: sender.user });
      })
      .finally(() => {
        pending -= 1;
      });
    deps.inBackground(hearing);
  };
}

/** An alarm is for messages to raise. */
async function hasAlarm(transaction: StoreTransaction): Promise<boolean> {
  return (await transaction.get(keys.logAlarm)) !== undefined;
}

async function spend(
  transaction: StoreTransaction,
  conversation: ConversationId,
): Promise<boolean> {
  const key = keys.typingSpent(conversation);
  const counter = await lastSendNumber(transaction, conversation);
  const before = await getRecord(transaction, key, Spent);
  const count = before?.counter === counter ? before.count + 1 : 1;
  if (count > TYPING_PER_MESSAGE_MAX) return false;
  await putRecord(transaction, key, [Spent, { counter, count }]);
  return true;
}

/** Rolls back whatever an unsound ciphertext has moved. */
class Unsound extends Error {}

/**
 * True for a fresh word of a member that we know. Only then, and when it is merely old, has anything changed: a message
 * that was passed off as this is still to come, and takes the key that it was encrypted under.
 */
async function open(deps: TypingDeps, frame: Incoming): Promise<boolean> {
  try {
    return await deps.store.transaction(async (transaction) => {
      const envelope = await openSound(deps, transaction, frame);
      return deps.clock() - envelope.time <= EPHEMERAL_AGE_MS_MAX;
    });
  } catch (error) {
    if (isUnsound(error)) return false;
    throw error;
  }
}

async function openSound(
  deps: TypingDeps,
  transaction: StoreTransaction,
  { conversation, sender, ciphertext }: Incoming,
): Promise<Envelope> {
  const room = await getRecord(transaction, keys.conversation(conversation), ConversationRecord);
  const isOther = sender.user !== deps.local.address.user;
  if (!isOther || !room?.members.includes(sender.user)) throw new Unsound();
  const isForAll = room.kind === 'group';
  const plaintext = isForAll
    ? await decryptInGroup(deps, transaction, { conversation, sender, ciphertext })
    : await decryptForOne(deps, transaction, { sender, ciphertext });
  const place = { conversation, message: NO_MESSAGE, sender };
  const envelope = openEnvelope(plaintext, { ...place, controlAllowed: !isForAll });
  if (json.decode(envelope.content)?.type !== 'typing') throw new Unsound();
  return envelope;
}

async function decryptForOne(
  deps: TypingDeps,
  transaction: StoreTransaction,
  { sender, ciphertext }: Pick<Incoming, 'sender' | 'ciphertext'>,
): Promise<Uint8Array> {
  const sessions = openSessions(transaction, deps);
  const pinned = await pinnedIdentity(transaction, deps.local, sender.user);
  // Whom we have never heard, nobody has us believe by what need not be kept.
  if (pinned === undefined || !(await sessions.has(sender))) throw new Unsound();
  const { plaintext } = await sessions.decrypt(sender, ciphertext, pinned);
  await sessions.save();
  return plaintext;
}

function isUnsound(error: unknown): boolean {
  if (error instanceof CryptoError) return error.code !== 'input.invalid';
  const isContent = error instanceof ClientError && error.code === 'content.invalid';
  return isContent || error instanceof Unsound;
}
