/** Who a message of a conversation is for, as this node last heard. */
import type { ConversationId, DeviceId, UserId } from '@sotto/api';
import { digestDeviceLists, nobleProvider } from '@sotto/crypto/verify';

export interface Membership {
  /** First place that the member may read. */
  readonly joinedSeq: number;
  /** First place that the member may not read any more; undefined while a member. */
  readonly leftSeq: number | undefined;
  /**
   * Whether messages are to be encrypted for the member. In a group that is whoever its log names, be it somebody who
   * receives nothing for having blocked the one who added them.
   */
  readonly isIn: boolean;
}

export interface Room {
  readonly conversation: ConversationId;
  readonly kind: 'direct' | 'group';
  /** Raised with each change of the members; of a group, its log's. */
  readonly version: number;
  /** Those who left lately are among them: what came before is still theirs, and may be under way. */
  readonly members: ReadonlyMap<UserId, Membership>;
  /** Of a direct conversation: those members who have blocked the other one. */
  readonly blockers: readonly UserId[];
  /** How many changes of device lists the platform had seen when this was read. */
  readonly listChanges: number;
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
  /** Of all lists: as versions only rise, it stays the same only when all of them do. */
  readonly versionSum: number;
  /** How many changes of device lists the platform had seen when these were known to be the newest: a commit raises it. */
  listChanges: number;
  /** Of all lists, as senders of group messages name them. */
  listsDigest(): Uint8Array;
  /** Whether a user may send here. */
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
  let digest: Uint8Array | undefined;
  return {
    room,
    lists,
    devices,
    confirmedAt,
    versionSum: lists.reduce((sum, { version }) => sum + version, 0),
    listChanges: room.listChanges,
    listsDigest() {
      digest ??= digestDeviceLists(nobleProvider, lists);
      return digest;
    },
    isMember: (user) => {
      const membership = room.members.get(user);
      return membership?.isIn === true && membership.leftSeq === undefined;
    },
  };
}

/** The members for whom messages are to be encrypted now. */
export function currentMembers({ members }: Room): UserId[] {
  return [...members].flatMap(([user, { isIn }]) => (isIn ? [user] : []));
}
