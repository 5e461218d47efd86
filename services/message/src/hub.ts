/** The sockets of this node, and what was committed to those who read it. */
import type { ConversationId, DeviceId, ServerFrame, SessionId, UserId } from '@sotto/api';
import type { Room } from './audience.ts';
import type { StoredMessage } from './stored-message.ts';

/** What a device hears of keys, its own or those of others, and of people. */
export type Hint = Extract<ServerFrame, { type: 'prekeys-low' | 'keys-changed' | 'presence' }>;

/** A connected device, as the hub sees it. */
export interface Attendee {
  readonly user: UserId;
  readonly device: DeviceId;
  readonly session: SessionId;
  /**
   * Takes messages of one conversation, in order of `seq` and without gaps. `joined` is where the user came in, the last
   * time. Must not throw.
   */
  deliver(conversation: ConversationId, messages: readonly StoredMessage[], joined: number): void;
  /** Sends a hint, once the device has been greeted. Must not throw. */
  tell(hint: Hint): void;
  /** Sends the text of a frame that nobody misses: not before the greeting, nor to a socket that is slow. Must not throw. */
  pass(text: string): void;
  /** Closes the connection with a code. */
  close(code: number): void;
  /** Somewhere messages may have been missed: looks for places that it has not seen. */
  recheck(): Promise<void>;
}

export interface Hub {
  /**
   * Adds a device that arrived at some moment. Of two sockets of a device the older one has no place here: it is returned,
   * be it this one, and the caller closes it.
   */
  join(attendee: Attendee, arrival: number): Attendee | undefined;
  leave(attendee: Attendee): void;
  /** True when nobody is here, so that nothing need be looked up for them. */
  isEmpty(): boolean;
  /** The socket that a device has here. */
  find(device: DeviceId): Attendee | undefined;
  /** The sockets that a user's devices have here. */
  ofUser(user: UserId): Iterable<Attendee>;
  /** The socket that a device has here, if it arrived before a moment. */
  findOlder(device: DeviceId, arrival: number): Attendee | undefined;
  /** True when a device of the user is here. */
  hasUser(user: UserId): boolean;
  all(): Iterable<Attendee>;
  /** All of them, with their moments. */
  present(): Iterable<{ attendee: Attendee; arrival: number }>;
  /** Hands messages to every member's devices that are here, each what it may read. */
  deliver(room: Room, messages: readonly StoredMessage[]): void;
}

/** An empty hub. */
export function createHub(): Hub {
  const devices = new Map<DeviceId, { attendee: Attendee; arrival: number }>();
  const users = new Map<UserId, Set<Attendee>>();

  function leave(attendee: Attendee): void {
    if (devices.get(attendee.device)?.attendee === attendee) devices.delete(attendee.device);
    const here = users.get(attendee.user);
    here?.delete(attendee);
    if (here?.size === 0) users.delete(attendee.user);
  }

  return {
    join(attendee, arrival) {
      const before = devices.get(attendee.device);
      if (before !== undefined && before.arrival > arrival) return attendee;
      if (before !== undefined) leave(before.attendee);
      devices.set(attendee.device, { attendee, arrival });
      const here = users.get(attendee.user) ?? new Set();
      users.set(attendee.user, here.add(attendee));
      return before?.attendee;
    },
    leave,
    isEmpty: () => devices.size === 0,
    find: (device) => devices.get(device)?.attendee,
    ofUser: (user) => users.get(user) ?? [],
    findOlder(device, arrival) {
      const here = devices.get(device);
      return here !== undefined && here.arrival < arrival ? here.attendee : undefined;
    },
    hasUser: (user) => users.has(user),
    all: () => devices.values().map(({ attendee }) => attendee),
    present: () => devices.values(),
    deliver({ conversation, members }, messages) {
      for (const [user, { joinedSeq, leftSeq }] of members) {
        const here = users.get(user);
        if (here === undefined) continue;
        const readable = within(messages, joinedSeq, leftSeq ?? Number.POSITIVE_INFINITY);
        if (readable.length === 0) continue;
        for (const attendee of here) attendee.deliver(conversation, readable, joinedSeq);
      }
    },
  };
}

/** The messages of `[joined, left)`: all of them, without a copy, in all but the rarest cases. */
function within(
  messages: readonly StoredMessage[],
  joined: number,
  left: number,
): readonly StoredMessage[] {
  const first = messages[0]?.seq ?? 0;
  const last = messages.at(-1)?.seq ?? 0;
  if (first >= joined && last < left) return messages;
  return messages.filter(({ seq }) => seq >= joined && seq < left);
}
