/**
 * Incoming slots: in order and without holes, each decrypted and stored together with the session it advanced and the
 * cursor, then shown, then acknowledged. What cannot be read is stored and shown as such, with its cause.
 */
import {
  type ConversationId,
  listMessages,
  type MembershipSlot,
  type MessageSlot,
  type ServerFrame,
  type Slot,
} from '@sotto/api';
import type { ConversationRecord } from './conversation-record.ts';
import {
  keepItem,
  keepMembership,
  passOwn,
  readCursor,
  skipOwn,
  writeCursor,
} from './conversations.ts';
import { ClientError } from './errors.ts';
import { findConversation } from './find-conversation.ts';
import type { GroupDeps } from './group-authors.ts';
import { getGroup } from './group-log.ts';
import { readGroup } from './group-reading.ts';
import { fetchTitle } from './group-title.ts';
import { type AnyMessage, type HistoryItem, type Message, Place } from './history-item.ts';
import { keys } from './key-space.ts';
import { type OpenDeps, openArrival } from './open-message.ts';
import { openSessions } from './sessions.ts';
import type { SendFrame } from './socket.ts';
import type { StoreTransaction } from './store.ts';
import { putRecord, takeNumber } from './stored-record.ts';
import { convict, takeEntry } from './take-entry.ts';

export interface ReceiverDeps extends GroupDeps {
  readonly send: SendFrame;
  /** There is something new for `messages()`. */
  readonly onArrival: () => void;
  /** A one-time prekey was used: the platform may be running low. */
  readonly onPrekeyUsed: () => void;
  /** For work that nothing waits for. */
  readonly inBackground: (work: Promise<void>) => void;
  /** There is something new to send in a conversation. */
  readonly wake: (conversation: ConversationId) => void;
  /** There is something to ask for again. */
  readonly onMissed: () => void;
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
  /** The same from an entry of a group's log on that takes reading the log first. */
  readonly isLogWanted?: true;
}

/** Receives over one connection. */
export function createReceiver(deps: ReceiverDeps): Receiver {
  /** Conversations whose backlog the platform is sending: their heads are no news. */
  const catchingUp = new Set<ConversationId>();
  const find = createFinder(deps);

  /** Takes slots in; where places are missing, fetches them first. */
  async function takeSlots(conversation: ConversationId, slots: readonly Slot[]): Promise<void> {
    const known = await find(conversation);
    if (known === undefined) return passOver(deps, conversation, slots);
    const missingBefore = await storeAndShow(known, slots);
    if (missingBefore === undefined) return;
    await fetchUpTo(conversation, missingBefore - 1);
    if ((await storeAndShow(known, slots)) !== undefined) throw incomplete();
  }

  /** Takes in what follows on the cursor; gives the place before which something is missing. */
  async function storeAndShow(
    known: ConversationRecord,
    slots: readonly Slot[],
  ): Promise<number | undefined> {
    const progress = await storeSlots(deps, known, { slots, isLogRead: false });
    show(known.id, progress);
    if (progress.isLogWanted === undefined) return progress.missingBefore;
    await readGroup(deps, known.id);
    const rest = await storeSlots(deps, known, { slots, isLogRead: true });
    show(known.id, rest);
    return rest.missingBefore;
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
    const known = await find(conversation);
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
      const missingBefore = await storeAndShow(known, page.slots);
      if (missingBefore !== undefined || endOf(page.slots.at(-1)!) <= after) throw incomplete();
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

/** Finds conversations; groups without a sound log are asked for once in a connection. */
function createFinder(deps: ReceiverDeps) {
  const refused = new Set<ConversationId>();
  return async (conversation: ConversationId): Promise<ConversationRecord | undefined> => {
    if (refused.has(conversation)) return undefined;
    const known = await findConversation(deps, conversation);
    if (known === undefined) refused.add(conversation);
    return known;
  };
}

/** Acknowledges what comes for such a group, so that it does not stand in the way of what is shown. */
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

interface Run {
  readonly slots: readonly Slot[];
  /** What the group's log does not settle now contradicts it. */
  readonly isLogRead: boolean;
}

function storeSlots(
  deps: ReceiverDeps,
  room: ConversationRecord,
  { slots, isLogRead }: Run,
): Promise<Progress> {
  const conversation = room.id;
  return deps.store.transaction(async (transaction) => {
    const sessions = openSessions(transaction, deps);
    const later: (() => void)[] = [];
    const repaired: Message[] = [];
    let opening = { ...deps, transaction, sessions, conversation: room, later, repaired };
    const before = await readCursor(transaction, conversation);
    const items: HistoryItem[] = [];
    let usedPrekey = false;
    let cursor = before;
    let missingBefore: number | undefined;
    let isLogWanted: true | undefined;
    const refresh = async () => {
      const group = room.kind === 'group' ? await getGroup(transaction, room.id) : undefined;
      if (group !== undefined) opening = { ...opening, conversation: group };
    };
    await refresh();
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
        const arrived = arrival.item === undefined ? [] : [arrival.item];
        for (const item of [...arrived, ...repaired.splice(0)]) {
          await keep(transaction, item);
          items.push(item);
        }
      } else if (slot.type === 'membership') {
        isLogWanted = await takeMembership(opening, slot, { items, isLogRead });
        if (isLogWanted) break;
        await refresh();
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
      ...(isLogWanted && { isLogWanted }),
    };
  });
}

/** An entry of a group's log at its place. True when the log has to be read before it can be judged. */
async function takeMembership(
  deps: OpenDeps & ReceiverDeps,
  slot: MembershipSlot,
  { items, isLogRead }: { items: HistoryItem[]; isLogRead: boolean },
): Promise<true | undefined> {
  const { transaction, events, later, wake } = deps;
  const conversation = deps.conversation.id;
  const outcome = await takeEntry(deps, transaction, { conversation, slot });
  if (outcome === 'unsettled') {
    if (!isLogRead && deps.conversation.kind === 'group') return true;
    const cause = await convict(transaction, { conversation, slot });
    if (cause) later.push(() => events.emit('group-broken', { conversation, cause }));
    return undefined;
  }
  if (outcome.item !== undefined) {
    await keepMembership(transaction, outcome.item);
    items.push(outcome.item);
  }
  later.push(() => {
    events.emit('conversation', { conversation });
    if (outcome.isRename) deps.inBackground(fetchTitle(deps, conversation));
    if (outcome.isNews) wake(conversation);
  });
  return undefined;
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
