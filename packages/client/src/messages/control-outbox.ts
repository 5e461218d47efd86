/** Control messages on their way out: they lie in the outbox among the others, and leave in the same order. */
import type { Address, ConversationId } from '@sotto/api';
import { getPeer } from '../account/records.ts';
import { CONTROL_RECIPIENTS_MAX } from '../limits.ts';
import { addressKey, keys } from '../store/key-space.ts';
import type { StoreTransaction } from '../store/store.ts';
import { decodeRecord, entriesUnder, putRecord, takeNumber } from '../store/stored-record.ts';
import type { SessionsDeps } from '../trust/sessions.ts';
import type { Wanted } from '../trust/wanted.ts';
import { type Control, encodeControl } from './control.ts';
import { makeMessageId } from './message-id.ts';
import { keyOf, OutboxEntry, putEntry } from './outbox-entry.ts';
import { lastSendNumber } from './send-counter.ts';

/** What is to be said, and to whom. */
export interface ControlMessage {
  readonly conversation: ConversationId;
  readonly control: Control;
  /** Devices of members of the conversation, this one not among them. Those that go meanwhile are left out. */
  readonly to: readonly Address[];
  /** In a session that is made for it. */
  readonly isFresh?: boolean;
  /** The number of the message that it is to leave before; behind everything when left out. */
  readonly before?: number;
}

/**
 * Puts a control message behind everything that waits in a conversation's outbox, or in front of a message, in as many
 * entries as it takes. The caller wakes the conversation after the commit. Gives the places where they lie.
 * Throws `content.invalid`.
 */
export async function enqueueControl(
  deps: SessionsDeps,
  transaction: StoreTransaction,
  { conversation, control, to, isFresh, before }: ControlMessage,
): Promise<string[]> {
  const content = encodeControl(control);
  const time = deps.clock();
  const places: string[] = [];
  const counter =
    before === undefined ? await lastSendNumber(transaction, conversation) : before - 1;
  for (let start = 0; start < to.length; start += CONTROL_RECIPIENTS_MAX) {
    const id = makeMessageId(deps.provider, time);
    const step = await takeNumber(transaction, keys.outboxSteps);
    const entry: OutboxEntry = {
      id,
      conversation,
      counter,
      step,
      time,
      content,
      to: to.slice(start, start + CONTROL_RECIPIENTS_MAX),
      ...(isFresh && { isFresh }),
      recipients: [],
      sealed: false,
    };
    await putEntry(transaction, entry);
    places.push(keyOf(entry));
  }
  return places;
}

/**
 * To be called after sessions were asked for: what waited for them has them now, or leaves out the devices that the
 * platform does not have any more.
 */
export async function noteMet(
  transaction: StoreTransaction,
  conversation: ConversationId,
  wanted: readonly Wanted[],
): Promise<void> {
  const asked = new Set<string>();
  for (const { user, device } of wanted) {
    if (device !== undefined) asked.add(addressKey({ user, device }));
  }
  for await (const { value } of entriesUnder(transaction, keys.outbox(conversation))) {
    const entry = decodeRecord(OutboxEntry, value);
    if (entry.sealed || !entry.to?.some((address) => asked.has(addressKey(address)))) continue;
    const to: Address[] = [];
    for (const address of entry.to) {
      const peer = await getPeer(transaction, address.user);
      const isThere = peer?.devices.includes(address.device) ?? false;
      if (isThere || !asked.has(addressKey(address))) to.push(address);
    }
    await putEntry(transaction, { ...entry, to, isFresh: false });
  }
}

/**
 * To be called when the platform hands out no more bundles of these for now: what was to go in a session of its own goes in
 * the one that there is. False when nothing of the kind waits.
 */
export async function doWithoutFresh(
  transaction: StoreTransaction,
  conversation: ConversationId,
  wanted: readonly Wanted[],
): Promise<boolean> {
  const users = new Set(wanted.map(({ user }) => user));
  let isAny = false;
  for await (const { key, value } of entriesUnder(transaction, keys.outbox(conversation))) {
    const entry = decodeRecord(OutboxEntry, value);
    if (!entry.isFresh || !entry.to?.some(({ user }) => users.has(user))) continue;
    await putRecord(transaction, key, [OutboxEntry, { ...entry, isFresh: false }]);
    isAny = true;
  }
  return isAny;
}
