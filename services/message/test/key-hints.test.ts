/** What devices hear of keys while they are connected to another node than the one that gets the event. */
import { randomUUID } from 'node:crypto';
import { blockUser, CLOSE_CODES, DeviceId, sendMessage } from '@sotto/api';
import { applyDeviceList, type Event, type EventSubject } from '@sotto/api/internal';
import { type Bus, openNatsBus, publishEvent } from '@sotto/runtime';
import { testNats } from '@sotto/runtime/testing';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { addPeople, Group } from './groups.ts';
import { messageFor, openConversation } from './messages.ts';
import { type Node, type Platform, startPlatform } from './nodes.ts';
import type { Person } from './peers.ts';
import { connect, type SocketClient } from './socket-client.ts';
import { startTalk } from './talk.ts';

const nats = testNats();
const buses: Bus[] = [];
let platform: Platform;
let nodes: readonly [Node, Node];

beforeAll(async () => {
  for (let count = 0; count < 3; count += 1) buses.push(await openNatsBus(nats));
  const [first, second, own] = buses as [Bus, Bus, Bus];
  platform = await startPlatform(own);
  nodes = [await platform.startNode(first), await platform.startNode(second)];
});

afterAll(async () => {
  await platform.close();
  await Promise.all(buses.map((bus) => bus.close()));
  await nats.close();
});

function publish<S extends EventSubject>(subject: S, event: Event<S>): Promise<void> {
  return publishEvent(buses[2] as Bus, subject, event, randomUUID());
}

/** One device on each node. */
async function connectBoth(one: Person, two: Person): Promise<[SocketClient, SocketClient]> {
  return [await connect(nodes[0], one), await connect(nodes[1], two)];
}

const changesOf = (client: SocketClient) =>
  client.frames.filter((frame) => frame.type === 'keys-changed');

test('a device hears that its prekeys run low, on whichever node it is, and nobody else does', async () => {
  const [a, b] = [await platform.peers.addPerson(), await platform.peers.addPerson()];
  const [here, there] = await connectBoth(a, b);
  for (const { device } of [a, b]) {
    await publish('events.prekeys.low', { device, available: 9 });
  }
  expect(await here.next('prekeys-low')).toEqual({ type: 'prekeys-low', available: 9 });
  expect(await there.next('prekeys-low')).toEqual({ type: 'prekeys-low', available: 9 });
  expect(here.frames.filter(({ type }) => type === 'prekeys-low')).toHaveLength(1);
  await Promise.all([here.close(), there.close()]);
});

test("a changed device list is told to the user's devices and to those who talk to the user", async () => {
  const { a, b } = await startTalk(platform, nodes[0]);
  const stranger = await platform.peers.addPerson();
  const [here, there] = await connectBoth(a, b);
  const outside = await connect(nodes[1], stranger);
  await platform.peers.addDevice(a);
  const told = { type: 'keys-changed', user: a.user, what: 'device-list' };
  // One of the list that came with the account may still be under way.
  await here.until('the change', () => changesOf(here).at(-1));
  expect(await there.until('the change', () => changesOf(there).at(-1))).toEqual(told);
  // In one order for all who hear signals, so what the stranger has not heard by now it never will.
  const { device } = stranger;
  await publish('events.prekeys.low', { device, available: 1 });
  await outside.next('prekeys-low');
  expect(changesOf(outside).filter(({ user }) => user === a.user)).toEqual([]);
  await Promise.all([here, there, outside].map((client) => client.close()));
});

test('a changed device list is told to those in whose group the user is without hearing of it', async () => {
  const [ann, bob] = await addPeople(platform.peers, 2);
  if (!ann || !bob) throw new Error('no people');
  await nodes[0].call(bob, blockUser, { params: { user_id: ann.user } });
  const group = new Group(platform.peers, ann, [bob]);
  await group.create(nodes[0], ann);
  const [here, there] = await connectBoth(ann, bob);
  await platform.peers.addDevice(bob);
  // A message for the list of before would be refused.
  await here.until('the change', () => changesOf(here).find(({ user }) => user === bob.user));
  // The other way nothing is told: of the group that other knows nothing.
  await platform.peers.addDevice(ann);
  await here.until('the change', () => changesOf(here).find(({ user }) => user === ann.user));
  await publish('events.prekeys.low', { device: bob.device, available: 1 });
  await there.next('prekeys-low');
  expect(changesOf(there).filter(({ user }) => user === ann.user)).toEqual([]);
  await Promise.all([here, there].map((client) => client.close()));
});

test('another identity is told as what it is', async () => {
  const { a, b } = await startTalk(platform, nodes[0]);
  const [here, there] = await connectBoth(a, b);
  await publish('events.identity.changed', { user: b.user, version: 2 });
  const told = { type: 'keys-changed', user: b.user, what: 'identity' };
  const isTold = (client: SocketClient) => () =>
    changesOf(client).find(({ what }) => what === 'identity');
  expect(await here.until('the change', isTold(here))).toEqual(told);
  expect(await there.until('the change', isTold(there))).toEqual(told);
  await Promise.all([here.close(), there.close()]);
});

test('the socket of a retired device closes on its node, and its cursors go', async () => {
  const { a, b, conversation } = await startTalk(platform, nodes[0]);
  const second = await platform.peers.addDevice(b);
  const sender = await connect(nodes[0], a);
  const clients = await connectBoth(b, second);
  const devices = [b.device, second.device];
  await sender.send(messageFor(conversation, [b, second]));
  for (const client of clients) {
    await client.slotsUpTo(conversation, 1);
    client.acknowledge(conversation, 1);
  }
  const written = { timeout: 5_000, interval: 50 };
  await vi.waitFor(async () => expect(await cursorsAt(1, devices)).toBe(2), written);
  for (const device of devices) {
    await publish('events.device.retired', { user: b.user, device });
  }
  for (const client of clients) {
    expect(await client.closed).toMatchObject({ code: CLOSE_CODES.tokenEnded });
  }
  await vi.waitFor(async () => expect(await cursorsAt(0, devices)).toBe(0), written);
  await sender.close();
});

test('a list that was applied is what every later send is held against, on any node', async () => {
  const { a, b, conversation } = await startTalk(platform, nodes[0]);
  const sender = await connect(nodes[1], a);
  // Both nodes remember who is in this conversation, with the devices of before.
  await sender.send(messageFor(conversation, [b]));
  await nodes[0].call(b, sendMessage, { body: messageFor(conversation, [a]) });
  const added = DeviceId.parse(randomUUID());
  const list = platform.peers.changeSilently(b.user, [b.device, added]);
  await nodes[0].call(undefined, applyDeviceList, { body: list });
  const refused = { code: 'message.devices-stale' };
  expect(await sender.send(messageFor(conversation, [b]))).toMatchObject(refused);
  const body = messageFor(conversation, [b]);
  await expect(nodes[0].call(a, sendMessage, { body })).rejects.toMatchObject(refused);
  sender.post({ type: 'withdraw', conversation, number: 2 });
  const readers = [b, { device: added }];
  expect(await sender.send(messageFor(conversation, readers))).toMatchObject({ seq: 3 });
  await sender.close();
});

test('an answer of the owner that is older than the copied list does not replace it', async () => {
  const { a, b, conversation } = await startTalk(platform, nodes[0]);
  const c = await platform.peers.addPerson();
  const other = await openConversation(nodes[0], c, b);
  const [here, there] = [await connect(nodes[0], a), await connect(nodes[0], c)];
  await here.send(messageFor(conversation, [b]));
  await there.send(messageFor(other, [b]));
  const { key } = platform.peers;
  const asked: string[] = [];
  const gate = Promise.withResolvers<void>();
  // Made at once, an answer comes late.
  platform.peers.key = async (request) => {
    const answer = await key(request);
    asked.push(request.url);
    await gate.promise;
    return answer;
  };
  const isAsked = (user: string) => () =>
    expect(asked.some((url) => url.includes(user))).toBe(true);
  try {
    const strange = { device: DeviceId.parse(randomUUID()) };
    const contradicting = there.send(messageFor(other, [b, strange]));
    await vi.waitFor(isAsked(b.user), 20_000);
    const added = DeviceId.parse(randomUUID());
    const body = platform.peers.changeSilently(b.user, [b.device, added]);
    await nodes[0].call(undefined, applyDeviceList, { body });
    const outdated = here.send(messageFor(conversation, [b]));
    await vi.waitFor(isAsked(a.user), 20_000);
    gate.resolve();
    expect(await outdated).toMatchObject({ code: 'message.devices-stale' });
    await contradicting;
  } finally {
    gate.resolve();
    platform.peers.key = key;
  }
  await Promise.all([here.close(), there.close()]);
});

test('an older list that comes late changes nothing, and neither does the same one again', async () => {
  const person = await platform.peers.addPerson();
  const list = platform.peers.changeSilently(person.user, []);
  const apply = (version: number) =>
    nodes[1].call(undefined, applyDeviceList, { body: { ...list, version } });
  await apply(list.version + 1);
  await apply(list.version + 1);
  await apply(list.version);
  const row = await platform.database.query
    .selectFrom('device_lists')
    .where('user_id', '=', person.user)
    .select('version')
    .executeTakeFirstOrThrow();
  expect(row.version).toBe(list.version + 1);
});

/** How many cursors devices have at or above a place. */
async function cursorsAt(seq: number, devices: DeviceId[]): Promise<number> {
  const rows = await platform.database.query
    .selectFrom('cursors')
    .where('device', 'in', devices)
    .where('seq', '>=', seq)
    .select('seq')
    .execute();
  return rows.length;
}
