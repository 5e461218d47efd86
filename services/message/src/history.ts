/** Places of a conversation as one device sees them. Catch-up, history requests and the inbox all read here. */
import {
  ApiError,
  type ConversationId,
  type MessageId,
  type MessageSlot,
  type Slot,
  type UserId,
} from '@sotto/api';
import type { Clock, Database } from '@sotto/runtime';
import { findPosition } from './conversation-store.ts';
import type { Cursors } from './cursors.ts';
import {
  findReadable,
  type PlacesWanted,
  readBackwards,
  readForwards,
  readInbox,
} from './history-store.ts';
import type { Live } from './live.ts';
import type { Tables } from './schema.ts';
import { type Reader, slotsOf } from './slots.ts';

export interface HistoryDeps {
  database: Pick<Database<Tables>, 'pool'>;
  cursors: Cursors;
  clock: Clock;
}

/** A device of a user, reading. */
export interface UserReader extends Reader {
  readonly user: UserId;
}

/** Slots up to `to`: everything above the place that was asked for, without holes. */
export interface SlotPage {
  slots: Slot[];
  to: number;
}

/** The next slots above a place. The caller has checked that the reader may read all of the range. */
export async function readSlots(
  { database, clock }: Pick<HistoryDeps, 'database' | 'clock'>,
  reader: Reader,
  wanted: PlacesWanted,
): Promise<SlotPage> {
  if (wanted.above >= wanted.upTo) return { slots: [], to: wanted.above };
  const { messages, complete } = await readForwards(database, wanted);
  // Every place was taken by a message once. One that is not there has been dropped with its week; beyond a page that was
  // cut nothing is known.
  const to = complete ? wanted.upTo : (messages.at(-1)?.seq ?? wanted.above);
  return { slots: slotsOf(messages, reader, { from: wanted.above + 1, to, at: clock() }), to };
}

/** The nearest slots below a place, oldest first. */
async function readSlotsBefore(
  { database, clock }: Pick<HistoryDeps, 'database' | 'clock'>,
  reader: Reader,
  wanted: PlacesWanted,
): Promise<Slot[]> {
  if (wanted.above >= wanted.upTo) return [];
  const { messages, complete } = await readBackwards(database, wanted);
  const from = complete ? wanted.above + 1 : (messages[0]?.seq ?? wanted.upTo + 1);
  return slotsOf(messages, reader, { from, to: wanted.upTo, at: clock() });
}

export interface HistoryQuery {
  after?: number | undefined;
  before?: number | undefined;
  limit: number;
}

export interface History {
  first: number;
  last: number;
  slots: Slot[];
}

/** A page of a conversation for a member. Throws `conversation.not-found` for everyone else. */
export async function readHistory(
  deps: HistoryDeps,
  reader: UserReader,
  { conversation, query }: { conversation: ConversationId; query: HistoryQuery },
): Promise<History> {
  const position = await findPosition(deps.database, reader, conversation);
  if (position === undefined) throw new ApiError('conversation.not-found');
  const { first, last } = position;
  const { after = 0, before, limit } = query;
  if (before !== undefined) {
    const upTo = Math.min(before - 1, last);
    const wanted = { conversation, above: first - 1, upTo, limit };
    return { first, last, slots: await readSlotsBefore(deps, reader, wanted) };
  }
  const above = Math.max(after, first - 1);
  const { slots } = await readSlots(deps, reader, { conversation, above, upTo: last, limit });
  return { first, last, slots };
}

/** What a device has not acknowledged, oldest first over all its conversations. */
export async function readUnacknowledged(
  { database, clock }: HistoryDeps,
  reader: UserReader,
  limit: number,
): Promise<(MessageSlot & { conversation: ConversationId })[]> {
  const messages = await readInbox(database, reader, limit);
  return messages.flatMap((message) => {
    const { conversation, seq } = message;
    const slots = slotsOf([message], reader, { from: seq, to: seq, at: clock() });
    return slots.flatMap((slot) => (slot.type === 'message' ? [{ ...slot, conversation }] : []));
  });
}

/**
 * Acknowledges everything up to a message, in the database when this resolves: the next request may reach another node. Throws
 * `message.not-found` for a message that the reader cannot see.
 *
 * Senders choose ids, so two messages may share one. The oldest above the device's cursor is meant, as the inbox gives
 * the oldest first: so nobody can make a device skip what it has not been given.
 */
export async function acknowledge(
  { database, cursors, live }: HistoryDeps & { live: Pick<Live, 'noteDelivered'> },
  reader: UserReader,
  id: MessageId,
): Promise<void> {
  const places = await findReadable(database, reader, id);
  if (places.length === 0) throw new ApiError('message.not-found');
  const { user, device } = reader;
  for (const { conversation, seq, cursor } of places) {
    const unknownAbove = Math.max(cursor, cursors.pending(device, conversation) ?? 0);
    if (seq <= unknownAbove) continue;
    cursors.advance(device, conversation, seq);
    await cursors.flush();
    live.noteDelivered({ conversation, user, seq, senders: [], unknownAbove });
    return;
  }
}
