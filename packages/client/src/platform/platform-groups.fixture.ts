/** What the platform of `platform.fixture.ts` does with groups: their logs, who may read what, what is too old to be sent. */
import {
  ApiError,
  ConversationId,
  type OutgoingMessage,
  type Problem,
  toProblem,
  type UserId,
} from '@sotto/api';
import {
  applyMembershipEntry,
  CryptoError,
  decodeDeviceList,
  decodeMembershipEntry,
  digestDeviceLists,
  type Membership,
} from '@sotto/crypto';
import { nodeProvider } from '@sotto/crypto/node';
import { departedEntry } from '@sotto/crypto/verify';
import {
  type Device,
  type Handlers,
  handlers,
  type Platform,
} from './platform-operations.fixture.ts';
import {
  addressedBy,
  describe,
  lastOf,
  NOW,
  type Room,
  type RoomGroup,
} from './platform-rooms.fixture.ts';

/** Operations on groups; what they have in common with conversations of two is done as there. */
export const groupHandlers: Handlers = {
  createConversation(platform, given) {
    const { body, caller } = given;
    if (body.kind !== 'group') return handlers.createConversation?.(platform, { ...given, body });
    const id = ConversationId.parse(decodeMembershipEntry(body.entry).entry.conversation);
    const known = platform.rooms.find((room) => room.id === id);
    if (known !== undefined) {
      const isSame = Buffer.from(known.group!.log[0]!.entry).equals(body.entry);
      if (isSame) return describe(known, caller);
      throw new ApiError('conversation.exists');
    }
    const membership = judged(undefined, body.entry, caller);
    const group: RoomGroup = { membership, log: [], spans: new Map() };
    const room: Room = { id, members: [], kind: 'group', messages: [], group };
    platform.rooms.push(room);
    append(platform, room, { entry: body.entry, membership });
    return describe(room, caller);
  },
  changeMembership(platform, { params, body, caller }) {
    const room = platform.rooms.find(({ id }) => id === params.id);
    const { entry, title } = body;
    const { version } = decodeMembershipEntry(entry).entry;
    const known = room?.group?.log.find((logged) => logged.version === version);
    if (known !== undefined && Buffer.from(known.entry).equals(entry)) return known;
    if (room?.group === undefined || !room.members.includes(caller.user)) {
      throw new ApiError('conversation.not-found');
    }
    const membership = judged(room.group.membership, entry, caller);
    if (title !== undefined) room.group.title = title;
    return append(platform, room, { entry, membership });
  },
  listMembership({ rooms }, { params, query, caller }) {
    const { group } = rooms.find(({ id }) => id === params.id) ?? {};
    const span = group?.spans.get(caller.user);
    if (group === undefined || span === undefined) throw new ApiError('conversation.not-found');
    const seen = group.log.filter(({ seq }) => seq < (span.left ?? Number.POSITIVE_INFINITY));
    const after = query.after ?? 0;
    const entries = seen.filter(({ version }) => version > after).slice(0, query.limit);
    return { version: seen.at(-1)!.version, entries };
  },
};

/** The group after an entry. */
function judged(before: Membership | undefined, encoded: Uint8Array, caller: Device): Membership {
  try {
    const isAuthor = ({ user, identityKey }: { user: string; identityKey: Uint8Array }) =>
      user === caller.user &&
      Buffer.from(identityKey).equals(caller.identityKey ?? new Uint8Array());
    return applyMembershipEntry(nodeProvider, before, { encoded, isAuthor });
  } catch (cause) {
    if (!(cause instanceof CryptoError)) throw cause;
    if (cause.code === 'log.refused') throw new ApiError('conversation.entry-refused', { cause });
    const isLate = ['log.gap', 'head.rolled-back', 'head.forked'].includes(cause.code);
    if (!isLate) throw new ApiError('conversation.entry-invalid', { cause });
    const { version } = before!.head;
    throw new ApiError('conversation.version-conflict', { version, cause });
  }
}

/** Writes an entry at the next place, and tells everybody who was a member before or is one after it. */
export function append(
  platform: Platform,
  room: Room,
  { entry, membership }: { entry: Uint8Array; membership: Membership },
): { version: number; seq: number } {
  const group = room.group!;
  const seq = lastOf(room) + 1;
  const users = membership.members.map(({ user }) => user as UserId);
  for (const user of room.members) {
    if (!users.includes(user)) group.spans.get(user)!.left = seq + 1;
  }
  for (const user of users) {
    if (!room.members.includes(user)) group.spans.set(user, { joined: seq });
  }
  const logged = { version: membership.head.version, seq, entry };
  group.log.push(logged);
  group.membership = membership;
  room.members.splice(0, room.members.length, ...users);
  platform.deliver(room, seq);
  return logged;
}

/** The account of a user is deleted: the platform takes it out of a group. */
export function depart(platform: Platform, room: Room, user: UserId): void {
  const time = Date.parse(NOW);
  const departed = departedEntry(nodeProvider, room.group!.membership, { user, time });
  append(platform, room, { entry: departed.encoded, membership: departed.membership });
}

/** The platform's own count of changes to a user's devices, which is not the version that the account signs. */
export function listVersionOf({ lists }: Platform, user: UserId): number {
  const list = lists.get(user);
  return list === undefined ? 0 : 1000 + decodeDeviceList(list).list.version;
}

/** Refuses what is sent to a group by somebody who is not in it, to devices outside, or for other members or devices. */
export function judgeInGroup(
  platform: Platform,
  room: Room,
  { from, message }: { from: Device; message: OutgoingMessage },
): Problem | undefined {
  if (room.group === undefined) return undefined;
  if (!room.members.includes(from.user)) return toProblem(new ApiError('conversation.not-found'));
  if (message.kind === 'direct') return toProblem(new ApiError('request.invalid'));
  if (message.kind === 'targeted') {
    const inside = platform.devices.filter(({ user }) => room.members.includes(user));
    const unknown = addressedBy(message)
      .map((recipient) => recipient.device)
      .filter((device) => !inside.some((known) => known.device === device));
    if (unknown.length === 0) return undefined;
    return toProblem(new ApiError('message.devices-stale', { devices: { missing: [], unknown } }));
  }
  const { version } = room.group.membership.head;
  const lists = room.members.map((user) => ({ user, version: listVersionOf(platform, user) }));
  const digest = digestDeviceLists(nodeProvider, lists);
  const isCurrent = message.version === version && Buffer.from(digest).equals(message.lists);
  if (isCurrent) return undefined;
  return toProblem(new ApiError('message.group-stale', { audience: { version, lists } }));
}
