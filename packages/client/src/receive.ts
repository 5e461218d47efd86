/**
 * Incoming slots: in order and without holes, each decrypted and stored together with the session it advanced and the
 * cursor, then shown, then acknowledged. What cannot be read is stored and shown as such, with its cause.
 */
import {
  type ConversationId,
  listMessages,
  type MessageSlot,
  type ServerFrame,
  type Slot,
} from '@sotto/api';
import type { ConversationRecord } from './conversation-record.ts';
import {
  findConversation,
  keepItem,
  passOwn,
  readCursor,
  skipOwn,
  writeCursor,
} from './conversations.ts';
import { ClientError } from './errors.ts';
import { type AnyMessage, type HistoryItem, Place } from './history-item.ts';
import { keys } from './key-space.ts';
import { openArrival } from './open-message.ts';
import type { PeerDeps } from './peers.ts';
import { openSessions } from './sessions.ts';
import type { SendFrame } from './socket.ts';
import type { StoreTransaction } from './store.ts';
import { putRecord, takeNumber } from './stored-record.ts';

export interface ReceiverDeps extends PeerDeps {
  readonly send: SendFrame;
  /** There is something new for `messages()`. */
  readonly onArrival: () => void;
  /** A one-time prekey was used: the platform may be running low. */
  readonly onPrekeyUsed: () => void;
  /** There is something new to send in a conversation. */
  readonly wake: (conversation: ConversationId) => void;
}

export interface Receiver {
  /** Takes one frame. Frames must be given one after the other. Rejects when the store or the platform fails. */
  take(frame: Extract<ServerFrame, { type: 'catch-up' | 'slots' | 'heads' }>): Promise<void>;
}

/** What one transaction did with a run of slots. */
interface Progress {
  readonly items: HistoryItem[];
  readonly usedPrekey: boolean;
  readonly cursor: number;
  /** What is to be done now that it is on disk. */
  readonly later: readonly (() => void)[];
  /** Set when places before this one are missing; the slots from there on were left alone. */
  readonly missingBefore?: number;
}

/** Receives over one connection. */
export function createReceiver(deps: ReceiverDeps): Receiver {
  /** Conversations whose backlog the platform is sending: their heads are no news. */
  const catchingUp = new Set<ConversationId>();
  const findDirect = createFinder(deps);

  /** Takes slots in; where places are missing, fetches them first. */
  async function takeSlots(conversation: ConversationId, slots: readonly Slot[]): Promise<void> {
    const known = await findDirect(conversation);
    if (known === undefined) return passOver(deps, conversation, slots);
    const progress = await storeSlots(deps, known, slots);
    show(conversation, progress);
    if (progress.missingBefore === undefined) return;
    await fetchUpTo(conversation, progress.missingBefore - 1);
    const rest = await storeSlots(deps, known, slots);
    if (rest.missingBefore !== undefined) throw incomplete();
    show(conversation, rest);
  }

  function show(conversation: ConversationId, progress: Progress): void {
    const { items, cursor, usedPrekey, later } = progress;
    for (const item of items) {
      if (item.type === 'message') deps.events.emit('message', item);
      else if (item.type === 'unreadable') deps.events.emit('unreadable', item);
    }
    if (items.length > 0) deps.onArrival();
    if (usedPrekey) deps.onPrekeyUsed();
    for (const work of later) work();
    deps.send({ type: 'ack', conversation, seq: cursor });
  }

  /** Reads from the platform's history whatever lies between the cursor and `last`, as far as there is anything. */
  async function fetchUpTo(conversation: ConversationId, last: number): Promise<void> {
    const known = await findDirect(conversation);
    if (known === undefined) return;
    for (;;) {
      const after = await deps.store.transaction(async (transaction) =>
        skipOwn(transaction, conversation, await readCursor(transaction, conversation)),
      );
      if (after >= last) return;
      const page = await deps.call(listMessages, {
        params: { id: conversation },
        query: { after },
      });
      // Below its first place a history is empty for good: from before we joined, or no longer kept.
      if (page.first > after + 1) await moveCursor(deps, conversation, page.first - 1);
      if (page.slots.length === 0) return;
      const progress = await storeSlots(deps, known, page.slots);
      if (progress.missingBefore !== undefined || progress.cursor <= after) throw incomplete();
      show(conversation, progress);
    }
  }

  return {
    async take(frame) {
      if (frame.type === 'slots') {
        await takeSlots(frame.conversation, frame.slots);
        if (frame.caughtUp) catchingUp.delete(frame.conversation);
      } else if (frame.type === 'catch-up') {
        catchingUp.add(frame.conversation);
        await fetchUpTo(frame.conversation, frame.from);
      } else {
        for (const { conversation, last } of frame.heads) {
          if (!catchingUp.has(conversation)) await fetchUpTo(conversation, last);
        }
      }
    },
  };
}

/** Finds conversations of two; groups are not shown yet, and remembered as such. */
function createFinder(deps: ReceiverDeps) {
  const groups = new Set<ConversationId>();
  return async (conversation: ConversationId): Promise<ConversationRecord | undefined> => {
    if (groups.has(conversation)) return undefined;
    const known = await findConversation(deps, conversation);
    if (known === undefined) groups.add(conversation);
    return known;
  };
}

/** Acknowledges what comes for a group, so that it does not stand in the way of what is shown. */
function passOver(
  { send }: ReceiverDeps,
  conversation: ConversationId,
  slots: readonly Slot[],
): void {
  const last = slots.at(-1);
  if (last !== undefined) send({ type: 'ack', conversation, seq: endOf(last) });
}

function incomplete(): ClientError {
  return new ClientError('answer.invalid', 'the history of a conversation has a hole');
}

function startOf(slot: Slot): number {
  return slot.type === 'none' ? slot.from : slot.seq;
}

function endOf(slot: Slot): number {
  return slot.type === 'none' ? slot.to : slot.seq;
}

function moveCursor(
  { store }: ReceiverDeps,
  conversation: ConversationId,
  seq: number,
): Promise<void> {
  return store.transaction((transaction) => writeCursor(transaction, conversation, seq));
}

function storeSlots(
  deps: ReceiverDeps,
  room: ConversationRecord,
  slots: readonly Slot[],
): Promise<Progress> {
  const conversation = room.id;
  return deps.store.transaction(async (transaction) => {
    const sessions = openSessions(transaction, deps);
    const later: (() => void)[] = [];
    const opening = { ...deps, transaction, sessions, conversation: room, later };
    const before = await readCursor(transaction, conversation);
    const items: HistoryItem[] = [];
    let usedPrekey = false;
    let cursor = before;
    let missingBefore: number | undefined;
    for (const slot of slots) {
      if (startOf(slot) > cursor + 1) cursor = await passOwn(transaction, conversation, cursor);
      if (endOf(slot) <= cursor && !(await wasSaidEmpty(transaction, conversation, slot))) continue;
      if (startOf(slot) > cursor + 1) {
        missingBefore = startOf(slot);
        break;
      }
      if (slot.type === 'message' && !(await isKnown(transaction, slot))) {
        const arrival = await openArrival(opening, slot);
        usedPrekey ||= arrival.usedPrekey;
        if (arrival.item !== undefined) {
          await keep(transaction, arrival.item);
          items.push(arrival.item);
        }
      }
      cursor = endOf(slot);
    }
    await sessions.save();
    if (cursor !== before) await writeCursor(transaction, conversation, cursor);
    return {
      items,
      usedPrekey,
      cursor,
      later,
      ...(missingBefore !== undefined && { missingBefore }),
    };
  });
}

/**
 * Whether there is a message after all where the platform said that there was none. It is taken in, and nothing that
 * was said of the places behind it counts any more: else one false word would make a conversation deaf for ever.
 */
async function wasSaidEmpty(
  transaction: StoreTransaction,
  conversation: ConversationId,
  slot: Slot,
): Promise<boolean> {
  if (slot.type !== 'message' || (await isKnown(transaction, slot))) return false;
  return (await transaction.get(keys.message(conversation, slot.seq))) === undefined;
}

/** Whether a message of this id and sender is in the history already: a platform may repeat one under another place. */
async function isKnown(
  transaction: StoreTransaction,
  { sender, id }: MessageSlot,
): Promise<boolean> {
  return (await transaction.get(keys.messageId(sender.device, id))) !== undefined;
}

async function keep(transaction: StoreTransaction, item: AnyMessage): Promise<void> {
  await keepItem(transaction, item);
  if (item.type !== 'message') return;
  const { conversation, seq } = item;
  const number = await takeNumber(transaction, keys.arrivalIds);
  await putRecord(transaction, keys.arrival(number), [Place, { conversation, seq }]);
}
