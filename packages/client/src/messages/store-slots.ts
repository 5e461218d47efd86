/**
 * One run of slots and one transaction: each slot is decrypted and stored together with the session that it advanced,
 * and the cursor. What cannot be read is stored as such, with its cause.
 */
import type { ConversationId, MembershipSlot, MessageSlot, Slot, UserId } from '@sotto/api';
import type { GroupDeps } from '../groups/group-authors.ts';
import { getGroup } from '../groups/group-log.ts';
import { fetchTitle } from '../groups/group-title.ts';
import { convict, takeEntry } from '../groups/take-entry.ts';
import { LOG_BUDGET } from '../limits.ts';
import { missedAt } from '../repair/missed-message.ts';
import { spend } from '../repair/repair-budget.ts';
import { keys } from '../store/key-space.ts';
import type { StoreTransaction } from '../store/store.ts';
import { getRecord } from '../store/stored-record.ts';
import type { Contact } from '../trust/key-log.ts';
import { openSessions } from '../trust/sessions.ts';
import { noteArrival } from './arrivals.ts';
import { contradictedUpTo, inItsOrder, noteContradicted } from './contradicted-places.ts';
import type { ConversationRecord } from './conversation-record.ts';
import { keepItem, keepMembership, passOwn, readCursor, writeCursor } from './conversations.ts';
import { type AnyMessage, type HistoryItem, type Message, Place } from './history-item.ts';
import { openArrival } from './open-message.ts';
import type { OpenDeps } from './opening.ts';

export interface SlotDeps extends GroupDeps {
  /** For work that nothing waits for. */
  readonly inBackground: (work: Promise<void>) => void;
  /** There is something new to send in a conversation. */
  readonly wake: (conversation: ConversationId) => void;
  /** There is something to ask for again. */
  readonly onMissed: () => void;
  /** A group's log is to be read: something names an entry that this device does not have. */
  readonly readLog: (conversation: ConversationId) => void;
  /** Has somebody looked up in the key log, sooner or later. */
  readonly prove: (contact: Contact) => void;
}

/** What one transaction did with a run of slots. */
export interface Progress {
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

/** Slots of one conversation, in order. */
export interface Run {
  readonly slots: readonly Slot[];
  /** What the group's log does not settle now contradicts it. */
  readonly isLogRead: boolean;
}

/** Takes in what follows on the cursor, as far as nothing is missing. */
export function storeSlots(
  deps: SlotDeps,
  room: ConversationRecord,
  { slots, isLogRead }: Run,
): Promise<Progress> {
  const conversation = room.id;
  return deps.store.transaction(async (transaction) => {
    const sessions = openSessions(transaction, deps);
    const later: (() => void)[] = [];
    const repaired: Message[] = [];
    const ahead: UserId[] = [];
    const onLogBehind = (sender: UserId) => void ahead.push(sender);
    const opened = { transaction, sessions, conversation: room, later, repaired, onLogBehind };
    let opening = { ...deps, ...opened };
    const before = await readCursor(transaction, conversation);
    let contradicted = await contradictedUpTo(transaction, conversation);
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
      if (endOf(slot) <= cursor) {
        if (!(await wasSaidEmpty(transaction, conversation, slot))) continue;
        contradicted = Math.max(contradicted, cursor);
        await noteContradicted(transaction, conversation, contradicted);
      }
      if (startOf(slot) > cursor + 1) {
        missingBefore = startOf(slot);
        break;
      }
      if (slot.type === 'message' && !(await isKnown(transaction, conversation, slot))) {
        const arrival = await openArrival(opening, slot);
        usedPrekey ||= arrival.usedPrekey;
        const arrived = arrival.item === undefined ? [] : [arrival.item];
        for (const taken of [...arrived, ...repaired.splice(0)]) {
          const isDoubted = taken === arrival.item && taken.seq <= contradicted;
          const item = isDoubted ? await inItsOrder(transaction, taken) : taken;
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
    if (await mayReadLog(opening, ahead)) later.push(() => deps.readLog(conversation));
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

/** Not for each message of those who may lie about what they have seen: they could have us do nothing else. */
async function mayReadLog(
  { transaction, conversation, clock }: OpenDeps,
  senders: readonly UserId[],
): Promise<boolean> {
  if (conversation.kind === 'group' && conversation.broken !== undefined) return false;
  for (const user of senders) {
    const isMember = conversation.members.includes(user);
    const key = keys.logBudget(conversation.id, isMember ? user : 'strangers');
    if ((await spend(transaction, key, { budget: LOG_BUDGET, now: clock() })) > 0) return true;
  }
  return false;
}

/** An entry of a group's log at its place. True when the log has to be read before it can be judged. */
async function takeMembership(
  deps: OpenDeps & SlotDeps,
  slot: MembershipSlot,
  { items, isLogRead }: { items: HistoryItem[]; isLogRead: boolean },
): Promise<true | undefined> {
  const { transaction, events, later, wake, onMissed } = deps;
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
    onMissed();
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
  if (slot.type !== 'message' || (await isKnown(transaction, conversation, slot))) return false;
  return (await transaction.get(keys.message(conversation, slot.seq))) === undefined;
}

/**
 * Whether a message of this id and sender has come already: a platform may repeat one under another place. But what could
 * not be read in another conversation, was refused, or stood where its sender was no member, may never have been it, and
 * does not stand in its way.
 */
async function isKnown(
  transaction: StoreTransaction,
  conversation: ConversationId,
  { sender, id, seq }: MessageSlot,
): Promise<boolean> {
  const place = await getRecord(transaction, keys.messageId(sender, id), Place);
  const missed = place && (await missedAt(transaction, place));
  if (missed === undefined) return place !== undefined;
  if (missed.conversation !== conversation) return false;
  const isItself = !missed.isRefused && missed.cause !== 'sender.invalid';
  return isItself || missed.seq === seq;
}

async function keep(transaction: StoreTransaction, item: AnyMessage): Promise<void> {
  await keepItem(transaction, item);
  if (item.type !== 'message') return;
  const { conversation, seq } = item;
  await noteArrival(transaction, { conversation, seq });
}

/** The first place of a slot. */
export function startOf(slot: Slot): number {
  return slot.type === 'none' ? slot.from : slot.seq;
}

/** The last place of a slot. */
export function endOf(slot: Slot): number {
  return slot.type === 'none' ? slot.to : slot.seq;
}
