/**
 * Answering a device that could not read messages of this account (ADR 14): they are sent again to that device alone, as
 * the history has them, if they were written for its account and for the identity that it has.
 */
import type { Address, DeviceId, MessageId } from '@sotto/api';
import { getPeer } from '../account/records.ts';
import { enqueueDistribution } from '../groups/group-keys.ts';
import { AGAIN_BUDGET, AGAIN_PIECE_BYTES_MAX, CONTROL_AGAIN_BUDGET } from '../limits.ts';
import { type Content, encodeContent } from '../messages/content.ts';
import { enqueueControl } from '../messages/control-outbox.ts';
import { ConversationRecord } from '../messages/conversation-record.ts';
import { HistoryItem, Place } from '../messages/history-item.ts';
import type { ControlHandler, OpenDeps } from '../messages/opening.ts';
import { forgetTold } from '../people/profile-audience.ts';
import { keys } from '../store/key-space.ts';
import { getRecord } from '../store/stored-record.ts';
import { hurry } from './missed-message.ts';
import { spend } from './repair-budget.ts';

/** What a message said, with what its envelope said about it. */
interface Said {
  readonly of: DeviceId;
  readonly id: MessageId;
  readonly counter?: number;
  readonly time: number;
  readonly content: Content;
}

/** Answers as far as the asking device may know, and as there is something left for it. */
export const answerResend: ControlHandler<'resend'> = async (deps, { sender }, control) => {
  const reader = await findReader(deps, sender);
  if (reader === undefined) return;
  const { of, ids, needsChain = false } = control;
  const found: Said[] = [];
  let isControlLost = false;
  for (const id of new Set(ids)) {
    const said = await findSaid(deps, reader, { of, id });
    if (said === 'unknown') isControlLost ||= of === deps.local.address.device;
    else if (said !== 'withheld') found.push(said);
  }
  if (isControlLost || needsChain) await repeatControls(deps, sender, { isControlLost });
  const { transaction, clock } = deps;
  const granted = await spend(transaction, keys.againBudget(sender.user), {
    budget: AGAIN_BUDGET,
    wanted: found.length,
    now: clock(),
  });
  for (const said of found.slice(0, granted)) await enqueueAgain(deps, sender, said);
  deps.later.push(() => deps.wake(deps.conversation.id));
};

/** Who asks, and what of this account's was meant for them. */
interface Reader {
  readonly isOwn: boolean;
  /** Nothing encrypted before this, in milliseconds by our clock: it was for another identity. */
  readonly since: number;
  /** In a group: the entry by which the account came in. */
  readonly from: number;
}

/**
 * Undefined for whoever is not to be told anything. Somebody who takes over an account and is accepted gets what is
 * encrypted then, and nothing that was encrypted before.
 */
async function findReader(
  { transaction, conversation: { id }, local }: OpenDeps,
  { user }: Address,
): Promise<Reader | undefined> {
  // As it is now: somebody may have gone and come back in front of this very message.
  const conversation = await getRecord(transaction, keys.conversation(id), ConversationRecord);
  if (conversation === undefined) return undefined;
  const place = conversation.members.indexOf(user);
  const isShut = conversation.kind === 'group' && conversation.broken !== undefined;
  const isIn = conversation.members.some((member) => member === local.address.user);
  if (place < 0 || isShut || !isIn) return undefined;
  const from = sinceOf(conversation, place);
  if (user === local.address.user) return { isOwn: true, since: 0, from };
  const peer = await getPeer(transaction, user);
  const isBlocked = (await transaction.get(keys.block(user))) !== undefined;
  if (peer === undefined || peer.changedTo !== undefined || isBlocked) return undefined;
  return { isOwn: false, since: peer.acceptedAt ?? 0, from };
}

function sinceOf(conversation: ConversationRecord, place: number): number {
  if (conversation.kind === 'direct') return 0;
  return conversation.since[place] ?? Number.MAX_SAFE_INTEGER;
}

/** A message of this account; `unknown` when no message of ours has this id, as far as this store goes. */
async function findSaid(
  { transaction, conversation, local, clock }: OpenDeps,
  reader: Reader,
  { of, id }: { of: DeviceId; id: MessageId },
): Promise<Said | 'unknown' | 'withheld'> {
  const sender = { user: local.address.user, device: of };
  const place = await getRecord(transaction, keys.messageId(sender, id), Place);
  if (place === undefined) return 'unknown';
  if (place.conversation !== conversation.id) return 'withheld';
  const item = await getRecord(
    transaction,
    keys.message(place.conversation, place.seq),
    HistoryItem,
  );
  const nothing: Content = { type: 'delete', of: { device: of, id } };
  if (item === undefined) {
    // It has ended. Nobody needs to go on asking for it.
    const isOurs = of === local.address.device;
    return isOurs ? { of, id, time: clock(), content: nothing } : 'withheld';
  }
  if (item.type !== 'message' || !item.own || item.content.type === 'unsupported')
    return 'withheld';
  const { counter, time, sealedAt = time } = item;
  const isFor = sealedAt >= reader.since && (item.membership ?? 0) >= reader.from;
  if (!isFor && !reader.isOwn) return 'withheld';
  const content = item.content.type === 'deleted' ? nothing : item.content;
  return { of, id, time, content, ...(counter && { counter }) };
}

/** In pieces: what filled a message by itself does not fit into one together with what it is. */
async function enqueueAgain(deps: OpenDeps, to: Address, said: Said): Promise<void> {
  const { content, ...facts } = said;
  const all = encodeContent(content);
  for (let offset = 0; offset < all.length; offset += AGAIN_PIECE_BYTES_MAX) {
    const piece = all.slice(offset, offset + AGAIN_PIECE_BYTES_MAX);
    await enqueueControl(deps, deps.transaction, {
      conversation: deps.conversation.id,
      control: { type: 'again', ...facts, offset, size: all.length, content: piece },
      to: [to],
    });
  }
}

/**
 * What was lost may have been what every message of ours to the group is read by, or how we call ourselves. What this
 * device asked of the other one may be among it, too.
 */
async function repeatControls(
  deps: OpenDeps,
  to: Address,
  { isControlLost }: { isControlLost: boolean },
): Promise<void> {
  const { transaction, clock } = deps;
  const conversation = deps.conversation.id;
  if (isControlLost) {
    await hurry(deps, transaction, { ...to, conversation, isMended: true });
    deps.later.push(deps.onMissed);
  }
  const key = keys.controlBudget(conversation, to.user);
  const budget = { budget: CONTROL_AGAIN_BUDGET, now: clock() };
  if ((await spend(transaction, key, budget)) === 0) return;
  await enqueueDistribution(deps, transaction, { conversation, to: [to] });
  if (isControlLost) await forgetTold(transaction, to);
}
