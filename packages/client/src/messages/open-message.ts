/** One incoming message: decrypted, its envelope held against what the platform said, its content read. */
import type { MessageSlot, UserId } from '@sotto/api';
import {
  acceptCounter,
  CryptoError,
  type Envelope,
  openEnvelope,
  type SenderCounter,
} from '@sotto/crypto';
import { Account, Peer, SenderCounterRecord } from '../account/records.ts';
import { ClientError } from '../errors.ts';
import { membersAt } from '../groups/group-log.ts';
import { assertSaidToAll, decryptInGroup, judgeMembership } from '../groups/open-group-message.ts';
import { noteMissed } from '../repair/missed-message.ts';
import { addressKey, keys } from '../store/key-space.ts';
import { getRecord, putRecord } from '../store/stored-record.ts';
import { noteClaim } from '../trust/log-standing.ts';
import { oweProof } from '../trust/owed-proofs.ts';
import { noteListClaim } from '../trust/peer-lists.ts';
import { pinnedIdentity } from '../trust/peers.ts';
import { decodeContent } from './content.ts';
import type { AnyMessage } from './history-item.ts';
import type { OpenDeps } from './opening.ts';
import { takeControl } from './take-control.ts';

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
  let isOpened = false;
  try {
    await assertCanBeSender(deps, slot);
    const isForAll = slot.kind === 'group';
    const opened = isForAll ? await decryptForAll(deps, slot) : await decrypt(deps, slot);
    usedPrekey = opened.usedOneTimePrekeyId !== undefined;
    const expected = { conversation, message: id, sender, controlAllowed: !isForAll };
    isOpened = true;
    const envelope = openEnvelope(opened.plaintext, expected);
    assertSaidToAll(deps, envelope, isForAll);
    const own = sender.user === deps.local.address.user;
    if (!own) await noteHeads(deps, sender.user, envelope);
    const { time, counter, membership } = envelope;
    if (envelope.control) {
      await takeControl(deps, { ...placed, time, membership, content: envelope.content });
      return { usedPrekey };
    }
    const content = decodeContent(envelope.content);
    const order = await acceptOrder(deps, { ...placed, envelope });
    const said = { time, content, own, order, counter };
    const seen = membership && { membership: membership.version };
    return { item: { type: 'message', ...placed, ...said, ...seen }, usedPrekey };
  } catch (error) {
    if (!isOfTheMessage(error)) throw error;
    const { code: cause } = error;
    const isWanted = mayComeOutBetter(deps, slot, { cause, isOpened });
    const missed = { slot, conversation, cause, isWanted };
    const item = await noteMissed(deps, deps.transaction, missed);
    if (isWanted) deps.later.push(deps.onMissed);
    if (isWanted && MISSING_ENTRY.has(cause)) deps.onLogBehind(sender.user);
    return { ...(item && { item }), usedPrekey };
  }
}

/** What an entry of a group's log explains that has not come. */
const MISSING_ENTRY: ReadonlySet<string> = new Set(['log.gap', 'sender.invalid']);

/** What a log explains that a person has yet to take for the group's. */
const OTHER_LOG: ReadonlySet<string> = new Set(['head.forked', 'head.rolled-back']);

/**
 * Whether it helps to have a message again: what was opened and refused would come out the same. But not what was held
 * against a group's log: that may be another one by then, and is what the answer is held against.
 */
function mayComeOutBetter(
  { conversation, local }: OpenDeps,
  { sender }: MessageSlot,
  { cause, isOpened }: { readonly cause: string; readonly isOpened: boolean },
): boolean {
  if (conversation.kind === 'group') {
    const isBroken = conversation.broken !== undefined;
    const isOfLog = MISSING_ENTRY.has(cause) || (isBroken && OTHER_LOG.has(cause));
    if (isOfLog) return addressKey(sender) !== addressKey(local.address);
  }
  return isOpened ? cause === 'message.duplicate' : cause !== 'sender.invalid';
}

/**
 * Strangers do not write here, and nobody but the platform can have sent what claims to come from this device: our
 * messages return as `stored` only.
 */
async function assertCanBeSender(
  { transaction, local, conversation }: OpenDeps,
  { seq, sender: { user, device } }: MessageSlot,
): Promise<void> {
  const members =
    conversation.kind === 'group'
      ? await membersAt(transaction, conversation, seq)
      : conversation.members;
  if (!members.includes(user)) {
    throw new ClientError('sender.invalid', 'the sender is not in the conversation');
  }
  if (user === local.address.user && device === local.address.device) {
    throw new ClientError('sender.invalid', 'the message claims to be from this device');
  }
}

async function decryptForAll(
  deps: OpenDeps,
  { sender, ciphertext }: MessageSlot,
): Promise<{ plaintext: Uint8Array; usedOneTimePrekeyId?: number }> {
  const conversation = deps.conversation.id;
  const group = { conversation, sender, ciphertext };
  return { plaintext: await decryptInGroup(deps, deps.transaction, group) };
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

/**
 * What a sender has seen of its own leaf and list. The platform could have written in the name of somebody whom we never
 * met; so whoever was not found in the key log yet is looked up behind the message, also when nobody answers it.
 */
async function noteHeads(
  { transaction, local, later, prove }: OpenDeps,
  user: UserId,
  { keyLog, deviceLists }: Envelope,
): Promise<void> {
  const identityKey = await pinnedIdentity(transaction, local, user);
  const contact = identityKey && { user, identityKey };
  if (contact && (await oweProof(transaction, contact))) later.push(() => prove(contact));
  if (keyLog) await noteClaim(transaction, user, keyLog);
  await noteListClaim(transaction, user, deviceLists);
}

interface Counted extends Pick<AnyMessage, 'conversation' | 'sender'> {
  readonly envelope: Envelope;
}

/**
 * Judges the sender's own count, which the platform cannot change, and the group's log as the sender has seen it; throws
 * for a number that came before, and as `judgeMembership`.
 */
async function acceptOrder(
  deps: OpenDeps,
  { conversation, sender, envelope }: Counted,
): Promise<'next' | 'gap' | 'late'> {
  const { transaction } = deps;
  const key = keys.senderCounter(conversation, sender);
  const before = await getRecord(transaction, key, SenderCounterRecord);
  const membership = await judgeMembership(deps, envelope, before?.membership);
  const from = before ?? (await firstExpected(deps));
  const { verdict, seen } = acceptCounter(from, envelope.counter);
  const record = { highest: seen.highest, missing: [...seen.missing], membership };
  await putRecord(transaction, key, [SenderCounterRecord, record]);
  return verdict;
}

/** What there is to expect of a sender not seen before: number 1, unless this device may have joined late. */
async function firstExpected({
  transaction,
  conversation,
  local,
}: OpenDeps): Promise<SenderCounter | undefined> {
  const account = await getRecord(transaction, keys.account, Account);
  const isOld =
    conversation.kind === 'direct' ||
    conversation.since[conversation.members.indexOf(local.address.user as UserId)] === 1;
  return account?.isFirstDevice && isOld ? { highest: 0, missing: [] } : undefined;
}

function isOfTheMessage(error: unknown): error is CryptoError | ClientError {
  if (error instanceof ClientError) {
    return error.code === 'content.invalid' || error.code === 'sender.invalid';
  }
  // Wrong input is our own bug and must not pass for a broken message.
  return error instanceof CryptoError && error.code !== 'input.invalid';
}
