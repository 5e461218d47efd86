/** Groups: how they are founded and changed, what is refused, and who gets what. */
import { randomUUID } from 'node:crypto';
import {
  createConversation,
  getConversation,
  inbox,
  listConversations,
  listMembership,
  listMessages,
  type MembershipSlot,
  sendMessage,
  type Slot,
  UserId,
} from '@sotto/api';
import { createMemoryBus } from '@sotto/runtime';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { addPeople, Group } from './groups.ts';
import { textsOf } from './messages.ts';
import { type Node, type Platform, startPlatform } from './nodes.ts';
import type { Person } from './peers.ts';
import { assertGapless, connect } from './socket-client.ts';

let platform: Platform;
let node: Node;
const bus = createMemoryBus();

beforeAll(async () => {
  platform = await startPlatform(bus);
  node = await platform.startNode(bus);
});

afterAll(async () => {
  await platform.close();
  await bus.close();
});

test('a group is founded by an entry, and a message in it reaches every other device', async () => {
  const [ann, bob, cat] = (await addPeople(platform.peers, 3)) as [Person, Person, Person];
  const second = await platform.peers.addDevice(ann);
  const group = new Group(platform.peers, ann, [bob, cat]);
  const created = await group.create(node, ann);
  expect(created).toMatchObject({ id: group.id, kind: 'group', version: 1, first: 1, last: 1 });
  expect(created.members.toSorted()).toEqual(group.members.toSorted());
  expect(created.admins).toEqual([ann.user]);
  const clients = await Promise.all([ann, second, bob, cat].map((person) => connect(node, person)));
  const answer = await clients[0]!.send(group.message({ text: 'to all' }));
  expect(answer).toMatchObject({ type: 'stored', seq: 2 });
  for (const client of clients.slice(1)) {
    const slots = await client.slotsUpTo(group.id, 2);
    assertGapless(slots, 1);
    expect(textsOf(slots)).toEqual(['to all']);
    expect(slots[0]).toMatchObject({ type: 'membership', seq: 1 });
  }
  await Promise.all(clients.map((client) => client.close()));
});
