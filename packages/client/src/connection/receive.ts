/**
 * Incoming slots: in order and without holes, each decrypted and stored together with the session it advanced and the
 * cursor, then shown, then acknowledged. What cannot be read is stored and shown as such, with its cause.
 */
import { type ConversationId, listMessages, type Slot } from '@sotto/api';
import { ClientError } from '../errors.ts';
import { readGroup } from '../groups/group-reading.ts';
import type { ConversationRecord } from '../messages/conversation-record.ts';
import { joinsLate, readCursor, skipOwn, writeCursor } from '../messages/conversations.ts';
import { findConversation, type LearnDeps } from '../messages/find-conversation.ts';
import { notePassedOver } from '../messages/passed-over.ts';
import {
  endOf,
  type Progress,
  type SlotDeps,
  startOf,
  storeSlots,
} from '../messages/store-slots.ts';
import { keys } from '../store/key-space.ts';
import { isUnjudged } from '../trust/log-standing.ts';
import type { IncomingFrame } from './incoming.ts';
import type { SendFrame } from './socket.ts';

export interface ReceiverDeps extends SlotDeps, LearnDeps {
  readonly send: SendFrame;
  /** There is something new for `messages()`. */
  readonly onArrival: () => void;
  /** A one-time prekey was used: the platform may be running low. */
  readonly onPrekeyUsed: () => void;
}

export interface Receiver {
  /** Takes one frame. Frames must be given one after the other. Rejects when the store or the platform fails. */
  take(frame: IncomingFrame): Promise<void>;
}

/** Receives over one connection. */
export function createReceiver(deps: ReceiverDeps): Receiver {
  /** Conversations whose backlog the platform is sending: their heads are no news. */
  const catchingUp = new Set<ConversationId>();
  const { find, leaveOut } = createFinder(deps);

  /** Takes slots in; where places are missing, fetches them first. */
  async function takeSlots(conversation: ConversationId, slots: readonly Slot[]): Promise<void> {
    const missingBefore = await storeAndShow(conversation, slots);
    if (missingBefore === undefined) return;
    await fetchUpTo(conversation, missingBefore - 1);
    if ((await storeAndShow(conversation, slots)) !== undefined) throw incomplete();
  }

  /** Takes in what follows on the cursor, or passes it over; gives the place before which something is missing. */
  async function storeAndShow(
    conversation: ConversationId,
    slots: readonly Slot[],
  ): Promise<number | undefined> {
    const known = await find(conversation);
    if (known === undefined) return passOver(deps, conversation, slots);
    const progress = await storeSlots(deps, known, { slots, isLogRead: false });
    show(deps, conversation, progress);
    if (progress.isLogWanted === undefined) return progress.missingBefore;
    if ((await unlessUnjudged(deps, readGroup(deps, conversation))) === undefined) {
      leaveOut(conversation);
      return passOver(deps, conversation, slots);
    }
    const rest = await storeSlots(deps, known, { slots, isLogRead: true });
    show(deps, conversation, rest);
    return rest.missingBefore;
  }

  /** Reads from the platform's history whatever lies between the cursor and `last`, as far as there is anything. */
  async function fetchUpTo(conversation: ConversationId, last: number): Promise<void> {
    while ((await find(conversation)) !== undefined) {
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
      const missingBefore = await storeAndShow(conversation, page.slots);
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

/** Tells of what is on disk now, and acknowledges it. */
function show(deps: ReceiverDeps, conversation: ConversationId, progress: Progress): void {
  const { items, cursor, usedPrekey, later } = progress;
  for (const item of items) {
    if (item.type === 'message') deps.events.emit('message', item);
    else if (item.type === 'unreadable') deps.events.emit('unreadable', item);
  }
  if (items.length > 0) {
    deps.events.emit('lines-changed', { conversation });
    deps.onArrival();
  }
  if (usedPrekey) deps.onPrekeyUsed();
  for (const work of later) work();
  deps.send({ type: 'ack', conversation, seq: cursor });
}

/**
 * Finds conversations, each once in a connection: groups that are passed over too. Of a group what was found may be old by
 * now, which whoever stores what has come for it knows.
 */
function createFinder(deps: ReceiverDeps) {
  const found = new Map<ConversationId, ConversationRecord | undefined>();
  return {
    async find(conversation: ConversationId): Promise<ConversationRecord | undefined> {
      if (!found.has(conversation)) {
        found.set(conversation, await unlessUnjudged(deps, findConversation(deps, conversation)));
      }
      return found.get(conversation);
    },
    /** What comes for it is passed over from now on. */
    leaveOut: (conversation: ConversationId) => void found.set(conversation, undefined),
  };
}

/** What came of reading a group; undefined, which is told, when it cannot be judged now. The next connection tries again. */
async function unlessUnjudged<T>(
  { events, learnAgain }: ReceiverDeps,
  reading: Promise<T>,
): Promise<T | undefined> {
  try {
    return await reading;
  } catch (error) {
    if (!isUnjudged(error)) throw error;
    events.emit('trouble', { error });
    learnAgain();
    return undefined;
  }
}

/**
 * Acknowledges what comes for a group without a log to go by, so that it does not stand in the way of what is shown. The log
 * may be found sound later, when an identity was accepted or a witness has signed: then it is read from here on, or all of
 * it when this device has seen nothing of it yet.
 */
async function passOver(
  { send, store }: ReceiverDeps,
  conversation: ConversationId,
  slots: readonly Slot[],
): Promise<undefined> {
  const [first, last] = [slots[0], slots.at(-1)];
  if (first === undefined || last === undefined) return;
  await store.transaction(async (transaction) => {
    const begun = [keys.cursor(conversation), keys.passedOver(conversation)];
    const isBegun = (await Promise.all(begun.map((key) => transaction.get(key)))).some(Boolean);
    const isFromHere = isBegun || (await joinsLate(transaction));
    await notePassedOver(transaction, conversation, isFromHere ? startOf(first) - 1 : 0);
  });
  send({ type: 'ack', conversation, seq: endOf(last) });
}

function incomplete(): ClientError {
  return new ClientError('answer.invalid', 'the history of a conversation has a hole');
}

function moveCursor(
  { store }: ReceiverDeps,
  conversation: ConversationId,
  seq: number,
): Promise<void> {
  return store.transaction((transaction) => writeCursor(transaction, conversation, seq));
}
