/** Who a message of a conversation is for, as this node last heard. */
import type { ConversationId, DeviceId, UserId } from '@sotto/api';

export interface Membership {
  /** First place that the member may read. */
  readonly joinedSeq: number;
  /** First place that the member may not read any more; undefined while a member. */
  readonly leftSeq: number | undefined;
}

export interface Room {
  readonly conversation: ConversationId;
  /** Raised with each change of the members. */
  readonly version: number;
  /** Those who left are among them: what came before is still theirs. */
  readonly members: ReadonlyMap<UserId, Membership>;
  /** Of a direct conversation: those members who have blocked the other one. */
  readonly blockers: readonly UserId[];
}

export interface DeviceList {
  readonly user: UserId;
  /** 0 when the user has published no device yet. */
  readonly version: number;
  readonly devices: readonly DeviceId[];
}

/**
 * A conversation's members with their devices. It may be out of date: whoever commits by it carries the versions, and
 * the commit compares them (DESIGN 2.2).
 */
export interface Audience {
  readonly room: Room;
  readonly lists: readonly DeviceList[];
  /** Every device of every member of now, and whose it is. */
  readonly devices: ReadonlyMap<DeviceId, UserId>;
  /** When the owners of these facts were last asked, in milliseconds since 1970. */
  readonly confirmedAt: number;
  isMember(user: UserId): boolean;
}

/** Puts an audience together. `lists` has one list for each member of now. */
export function makeAudience(
  room: Room,
  lists: readonly DeviceList[],
  confirmedAt: number,
): Audience {
  const devices = new Map<DeviceId, UserId>();
  for (const list of lists) for (const device of list.devices) devices.set(device, list.user);
  return {
    room,
    lists,
    devices,
    confirmedAt,
    isMember: (user) => {
      const membership = room.members.get(user);
      return membership !== undefined && membership.leftSeq === undefined;
    },
  };
}

/** The members of now. */
export function currentMembers({ members }: Room): UserId[] {
  return [...members].flatMap(([user, { leftSeq }]) => (leftSeq === undefined ? [user] : []));
}
