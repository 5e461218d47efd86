/** The conversations of the platform of `platform.fixture.ts`: their places, who may read which, and what is there. */
import type {
  Conversation,
  ConversationId,
  MembershipSlot,
  MessageSlot,
  OutgoingMessage,
  Recipient,
  Slot,
  Stored,
  UserId,
} from '@sotto/api';
import type { Membership } from '@sotto/crypto';
import type { Device, Platform } from './platform-operations.fixture.ts';

export const NOW = '2026-01-01T00:00:00.000Z';

export interface Room {
  readonly id: ConversationId;
  readonly members: UserId[];
  /** Of two, when left out. */
  readonly kind?: 'group';
  readonly group?: RoomGroup;
  readonly messages: { message: OutgoingMessage; from: Device; stored: Stored }[];
}

/** What makes a room a group. The log is the test's to change. */
export interface RoomGroup {
  membership: Membership;
  readonly log: { version: number; seq: number; entry: Uint8Array }[];
  title?: Uint8Array;
  /** The places that each member may read, or could once: the last ones are open. */
  readonly spans: Map<UserId, { joined: number; left?: number }>;
}

/** A conversation as one device sees it. */
export function describe(room: Room, caller: Device): Conversation {
  const { id, members, kind: given } = room;
  const facts = groupFacts(room, caller);
  const cursor = Math.max(caller.cursors.get(id) ?? 0, (facts.first ?? 1) - 1);
  return {
    id,
    kind: given ?? 'direct',
    members,
    version: 1,
    first: 1,
    last: lastOf(room),
    ...facts,
    cursor,
  };
}

/** Whether a user may read a place. */
export function mayRead({ group, members }: Room, user: UserId, seq: number): boolean {
  if (group === undefined) return members.includes(user);
  const span = group.spans.get(user);
  return span !== undefined && seq >= span.joined && seq < (span.left ?? Number.POSITIVE_INFINITY);
}

/** Whether a user may read anything: who was in a group once goes on to see what came until then. */
export function isReader({ group, members }: Room, user: UserId): boolean {
  return group === undefined ? members.includes(user) : group.spans.has(user);
}

/** What a conversation says of itself besides, as a group; its first and last places for this reader. */
function groupFacts(room: Room, { user }: Device): Partial<Conversation> {
  const { group } = room;
  if (group === undefined) return {};
  const { joined, left } = group.spans.get(user) ?? { joined: 1 };
  const { members, head } = group.membership;
  return {
    version: head.version,
    admins: members.flatMap((member) => (member.role === 'admin' ? [member.user as UserId] : [])),
    first: joined,
    last: left === undefined ? lastOf(room) : left - 1,
    ...(group.title && { title: group.title }),
  };
}

/** The entries of a group's log as slots. */
function entrySlots({ group }: Room): MembershipSlot[] {
  return (group?.log ?? []).map(({ seq, entry }) => {
    return { type: 'membership', seq, sentAt: NOW, entry };
  });
}

/** A group's message as everybody but its sending device has it. */
function commonSlot(
  { message, from, stored }: Room['messages'][number],
  to: Device,
): Slot | undefined {
  if (message.kind !== 'group') return undefined;
  const { seq, id } = stored;
  if (to.device === from.device) return { type: 'none', from: seq, to: seq };
  const slot: MessageSlot = {
    ...{ type: 'message', seq, id, kind: 'group', sentAt: NOW },
    sender: { user: from.user, device: from.device },
    ciphertext: message.ciphertext,
  };
  return slot;
}

/** The last place that was taken. */
export function lastOf({ messages, group }: Room): number {
  return messages.length + (group?.log.length ?? 0);
}

/** What a device is given of a conversation, in order. */
export function slotsOf(platform: Platform, room: Room, to: Device): Slot[] {
  const slots = [...messageSlots(room, to), ...entrySlots(room)]
    .filter((slot) => mayRead(room, to.user, endOf(slot)))
    .toSorted((a, b) => endOf(a) - endOf(b));
  return slots.flatMap((slot) => platform.show(slot, to));
}

function messageSlots({ messages }: Room, to: Device): Slot[] {
  return messages.map((stored): Slot => {
    const common = commonSlot(stored, to);
    return common ?? ownSlot(stored, to);
  });
}

function ownSlot({ message, from, stored }: Room['messages'][number], to: Device): Slot {
  const own = addressedBy(message).find((recipient) => recipient.device === to.device);
  const { seq } = stored;
  const none: Slot = { type: 'none', from: seq, to: seq };
  if (own === undefined) return none;
  const slot: MessageSlot = {
    ...{ type: 'message', seq, id: stored.id, kind: message.kind, sentAt: NOW },
    sender: { user: from.user, device: from.device },
    ciphertext: own.ciphertext,
  };
  return slot;
}

/** The ciphertexts of a message, by device; none of a group's, which has one for all. */
export function addressedBy(message: OutgoingMessage): readonly Recipient[] {
  return message.kind === 'group' ? [] : message.recipients;
}

export function endOf(slot: Slot): number {
  return slot.type === 'none' ? slot.to : slot.seq;
}
