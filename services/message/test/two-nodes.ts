/** Two message services that share a database and a real NATS, and groups whose members both of them know. */
import {
  inbox,
  listMessages,
  type MessageSlot,
  type Slot,
  type Stored,
  sendMessage,
} from '@sotto/api';
import { type Bus, openNatsBus } from '@sotto/runtime';
import { testNats } from '@sotto/runtime/testing';
import { expect, vi } from 'vitest';
import { findDeviceLists } from '../src/conversation-store.ts';
import { addPeople, Group } from './groups.ts';
import { type Node, type Platform, startPlatform } from './nodes.ts';
import type { Person } from './peers.ts';
import type { SocketClient } from './socket-client.ts';

export interface TwoNodes {
  readonly platform: Platform;
  readonly one: Node;
  readonly two: Node;
  /** So many people, each with a device that both nodes go by. */
  invite(count: number): Promise<Person[]>;
  /** One more device of a person, likewise. */
  addDevice(person: Person): Promise<Person>;
  /** Three people and their group; the first is the admin. */
  found(): Promise<{ people: [Person, Person, Person]; group: Group }>;
  close(): Promise<void>;
}

/** Starts them. Close them. */
export async function startTwoNodes(): Promise<TwoNodes> {
  const nats = testNats();
  const buses: [Bus, Bus, Bus] = [
    await openNatsBus(nats),
    await openNatsBus(nats),
    await openNatsBus(nats),
  ];
  const platform = await startPlatform(buses[2]);
  const [one, two] = [await platform.startNode(buses[0]), await platform.startNode(buses[1])];

  async function invite(count: number): Promise<Person[]> {
    const people = await addPeople(platform.peers, count);
    await copied(platform, people);
    return people;
  }

  return {
    ...{ platform, one, two, invite },
    async addDevice(person) {
      const added = await platform.peers.addDevice(person);
      await copied(platform, [added]);
      return added;
    },
    async found() {
      const people = (await invite(3)) as [Person, Person, Person];
      const group = new Group(platform.peers, people[0], people.slice(1));
      await group.create(one, people[0]);
      return { people, group };
    },
    async close() {
      await platform.close();
      await Promise.all(buses.map((bus) => bus.close()));
      await nats.close();
    },
  };
}

/** Resolves when the platform goes by lists that have these devices: where the key service is real, who publishes waits. */
async function copied({ database }: Platform, people: readonly Person[]): Promise<void> {
  const users = people.map(({ user }) => user);
  await vi.waitFor(
    async () => {
      const lists = await findDeviceLists(database.query, users);
      for (const { user, device } of people) {
        expect(lists.get(user)?.devices.includes(device)).toBe(true);
      }
    },
    { timeout: 25_000 },
  );
}

/** Sends a text to a group, keyed for all members of now. */
export function say(node: Node, person: Person, group: Group, text: string): Promise<Stored> {
  return node.call(person, sendMessage, { body: group.message({ text }) });
}

/** The newest hundred places of a group. */
export function history(node: Node, person: Person, { id }: Pick<Group, 'id'>) {
  return node.call(person, listMessages, { params: { id }, query: { limit: 100 } });
}

/** What a device has not acknowledged. */
export async function unread(node: Node, person: Person): Promise<MessageSlot[]> {
  return (await node.call(person, inbox, { query: { limit: 100 } })).messages;
}

/** The places that are not empty. */
export function places(slots: readonly Slot[]): number[] {
  return slots.flatMap((slot) => (slot.type === 'none' ? [] : [slot.seq]));
}

export async function closeAll(...clients: readonly SocketClient[]): Promise<void> {
  await Promise.all(clients.map((client) => client.close()));
}
