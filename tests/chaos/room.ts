/** A conversation of the run, and how letters in it are worded for the platform. */
import { digestDeviceLists } from '@sotto/crypto';
import { nodeProvider } from '@sotto/crypto/node';
import { ciphertextFor, EVERYBODY, type Letter, letterId } from './letter.ts';
import type { Outgoing } from './outbox.ts';
import type { Resident } from './residents.ts';

/** What a group message says that it was made for. */
export interface GroupState {
  version: number;
  /** The digest of the members' device lists, as base64url. */
  lists: string;
}

export interface Room {
  /** Its place among all conversations of the run. */
  index: number;
  id: string;
  kind: 'direct' | 'group';
  /** Those whom a sender takes for members. */
  members: readonly Resident[];
  group?: GroupState | undefined;
}

/** One in so many letters goes to some of the devices only. */
const TARGETED_EVERY = 8;

/** Everybody who is a member at the letter's place, whoever that is. */
const ALL = 0xffff_ffff;

/** A letter with an id, worded for those who are members as far as its sender knows. */
export function compose(room: Room, letter: Letter): Outgoing {
  const outgoing = { letter, message: '', addressed: 0, id: letterId(letter), number: 0 };
  recompose(room, outgoing);
  return outgoing;
}

/** The same letter for other members. */
export function recompose(room: Room, outgoing: Outgoing, group = room.group): void {
  const { letter, id } = outgoing;
  const head = `"id":"${id}","conversation":"${room.id}"`;
  const isTargeted = letter.number % TARGETED_EVERY === 0;
  if (room.kind === 'group' && !isTargeted && group !== undefined) {
    const ciphertext = ciphertextFor(letter, EVERYBODY);
    outgoing.addressed = ALL;
    outgoing.message =
      `{"kind":"group",${head},"ciphertext":"${ciphertext}",` +
      `"version":${group.version},"lists":"${group.lists}"}`;
    return;
  }
  const readers = room.members
    .flatMap(({ devices }) => devices)
    .filter(({ index }) => index !== letter.sender);
  const named = isTargeted ? someOf(readers, letter.number) : readers;
  const recipients = named.map(
    ({ id: device, index }) =>
      `{"device":"${device}","ciphertext":"${ciphertextFor(letter, index)}"}`,
  );
  outgoing.addressed = bitsOf(named);
  outgoing.message = `{"kind":"${isTargeted ? 'targeted' : 'direct'}",${head},"recipients":[${recipients}]}`;
}

/** At least one, and by the letter's number not always the same. */
function someOf<Item>(items: readonly Item[], number: number): Item[] {
  const some = items.filter((_, place) => ((number >> 3) >> place) % 2 === 0);
  return some.length > 0 ? some : items.slice(0, 1);
}

/** Devices as bits. */
export function bitsOf(devices: readonly { index: number }[]): number {
  return devices.reduce((bits, { index }) => bits | (1 << index), 0) >>> 0;
}

/** The state of a group whose members have the device lists that they began with. */
export function groupState(version: number, members: readonly { user: string }[]): GroupState {
  return stateOf(
    version,
    members.map(({ user }) => ({ user, version: 1 })),
  );
}

/** The state that the platform says a group is in. */
export function stateOf(
  version: number,
  lists: readonly { user: string; version: number }[],
): GroupState {
  const digest = digestDeviceLists(nodeProvider, lists);
  return { version, lists: Buffer.from(digest).toString('base64url') };
}
