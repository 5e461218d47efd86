/**
 * That somebody writes just now: the one thing that is said and not stored. It is encrypted like a message, under keys
 * that nothing else uses, is dropped wherever it does not get through, and nobody counts on it.
 */
import type { ClientFrame, ConversationId, Recipient, ServerFrame, UserId } from '@sotto/api';
import { CryptoError, type Envelope, openEnvelope, sealEnvelope } from '@sotto/crypto';
import * as z from 'zod';
import { ConversationRecord } from './conversation-record.ts';
import { ClientError } from './errors.ts';
import type { Events } from './events.ts';
import { keys } from './key-space.ts';
import { EPHEMERAL_AGE_MS_MAX, EPHEMERAL_PENDING_MAX, TYPING_PER_MESSAGE_MAX } from './limits.ts';
import { assertNoAlarm, standingOf } from './log-standing.ts';
import { pinnedIdentity } from './peers.ts';
import { getPeer, type Peer } from './records.ts';
import { lastSendNumber } from './send-counter.ts';
import { openSessions, type SessionsDeps } from './sessions.ts';
import type { Store, StoreTransaction } from './store.ts';
import { getRecord, putRecord } from './stored-record.ts';
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

type Outgoing = Extract<ClientFrame, { type: 'ephemeral' }>;
type Incoming = Extract<ServerFrame, { type: 'ephemeral' }>;

/**
 * The frame that says it to the others of a conversation, as far as there are sessions with their devices. Undefined
 * when there is nobody to say it to, or it was said often enough since the last message: each time takes a key of every
 * session, and whoever is away has to skip them all.
 */
export function sealTyping(
  deps: TypingDeps,
  conversation: ConversationId,
): Promise<Outgoing | undefined> {
  return deps.store.transaction(async (transaction) => {
    const room = await getRecord(transaction, keys.conversation(conversation), ConversationRecord);
    if (room?.kind !== 'direct') return undefined;
    const peers = await trustedPeers(deps, transaction, room.members);
    if (peers.length === 0 || !(await spend(transaction, conversation))) return undefined;
    const { address } = deps.local;
    const head = { conversation, message: NO_MESSAGE, sender: address, counter: 1 };
    const plaintext = sealEnvelope({
      ...head,
      time: deps.clock(),
      deviceLists: [],
      control: true,
      content: json.encode({ type: 'typing' }),
    });
    const sessions = openSessions(transaction, deps);
    const recipients: Recipient[] = [];
    for (const { user, devices, identityKey } of peers) {
      for (const device of devices) {
        const ciphertext = await sessions.encrypt({ user, device }, plaintext, identityKey);
        if (ciphertext !== undefined) recipients.push({ device, ciphertext });
      }
    }
    await sessions.save();
    return recipients.length === 0 ? undefined : { type: 'ephemeral', conversation, recipients };
  });
}

/** Takes what others say over one connection. Never throws; what is not sound, or comes too fast or too late, is dropped. */
export function hearEphemeral(deps: TypingDeps): (frame: Incoming) => void {
  let pending = 0;
  return (frame) => {
    if (pending >= EPHEMERAL_PENDING_MAX) return;
    pending += 1;
    const { conversation, sender } = frame;
    open(deps, frame)
      .then((isHeard) => {
        if (isHeard) deps.events.emit('typing', { conversation, user: sender.user });
      })
      .catch((error) => deps.events.emit('trouble', { error }))
      .finally(() => {
        pending -= 1;
      });
  };
}

/** The others whom a message would be encrypted for as they are known here. An alarm is for messages to raise. */
async function trustedPeers(
  { local }: TypingDeps,
  transaction: StoreTransaction,
  members: readonly UserId[],
): Promise<Peer[]> {
  const trusted: Peer[] = [];
  try {
    await assertNoAlarm(transaction);
    for (const user of members) {
      const peer = user === local.address.user ? undefined : await getPeer(transaction, user);
      if (peer === undefined || peer.changedTo !== undefined) continue;
      const standing = await standingOf(transaction, user, peer.identityKey);
      if (standing === 'proven') trusted.push(peer);
    }
  } catch (error) {
    const isAlarm =
      error instanceof ClientError &&
      (error.code === 'account.compromised' || error.code === 'key-log.broken');
    if (!isAlarm) throw error;
    return [];
  }
  return trusted;
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

/** True for a fresh word of a member that we know. Only then, and when it is merely old, has anything changed. */
function open(deps: TypingDeps, { conversation, sender, ciphertext }: Incoming): Promise<boolean> {
  return deps.store.transaction(async (transaction) => {
    const room = await getRecord(transaction, keys.conversation(conversation), ConversationRecord);
    const isOther = sender.user !== deps.local.address.user;
    if (room?.kind !== 'direct' || !isOther || !room.members.includes(sender.user)) return false;
    const sessions = openSessions(transaction, deps);
    const pinned = await pinnedIdentity(transaction, deps.local, sender.user);
    // Whom we have never heard, nobody has us believe by what need not be kept.
    if (pinned === undefined || !(await sessions.has(sender))) return false;
    const envelope = await readSound(async () => {
      const { plaintext } = await sessions.decrypt(sender, ciphertext, pinned);
      const expected = { conversation, message: NO_MESSAGE, sender, controlAllowed: true };
      const opened = openEnvelope(plaintext, expected);
      return json.decode(opened.content)?.type === 'typing' ? opened : undefined;
    });
    // A message that was passed off as this is still to come, and takes the key that it was encrypted under.
    if (envelope === undefined) return false;
    await sessions.save();
    return deps.clock() - envelope.time <= EPHEMERAL_AGE_MS_MAX;
  });
}

async function readSound(read: () => Promise<Envelope | undefined>): Promise<Envelope | undefined> {
  try {
    return await read();
  } catch (error) {
    const isUnsound =
      (error instanceof CryptoError && error.code !== 'input.invalid') ||
      (error instanceof ClientError && error.code === 'content.invalid');
    if (isUnsound) return undefined;
    throw error;
  }
}
