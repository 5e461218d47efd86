/** What is not stored reaches the devices that are connected, over two nodes, and nobody else. */
import { acceptConversation, blockUser, type ConversationId, listMessages } from '@sotto/api';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { EPHEMERAL_BURST_POINTS } from '../src/limits.ts';
import { addPeople, Group } from './groups.ts';
import { openConversation } from './messages.ts';
import type { Person } from './peers.ts';
import { befriend, framesOf, type Stage, startStage } from './signals.ts';
import { connect, type SocketClient } from './socket-client.ts';

let stage: Stage;

beforeAll(async () => {
  stage = await startStage();
});

afterAll(() => stage.close());

const bytesOf = (text: string) => new Uint8Array(Buffer.from(text));

/** What a client heard in a conversation, in order. */
function heard(client: SocketClient, conversation: ConversationId): string[] {
  return framesOf(client, 'ephemeral')
    .filter((frame) => frame.conversation === conversation)
    .map(({ ciphertext }) => Buffer.from(ciphertext).toString());
}

function untilHeard(
  client: SocketClient,
  conversation: ConversationId,
  text: string,
): Promise<true> {
  const find = () => (heard(client, conversation).includes(text) ? true : undefined);
  return client.until(`"${text}"`, find);
}

/** Types one text for all. */
function type(client: SocketClient, conversation: ConversationId, text: string): void {
  client.post({ type: 'ephemeral', conversation, ciphertext: bytesOf(text) });
}

async function acceptAll(people: readonly Person[], id: ConversationId): Promise<void> {
  for (const person of people) {
    await stage.one.call(person, acceptConversation, { params: { id } });
  }
}

async function pair(): Promise<{ a: Person; b: Person; conversation: ConversationId }> {
  const { peers } = stage.platform;
  const [a, b] = await Promise.all([peers.addPerson(), peers.addPerson()]);
  return { a, b, conversation: await befriend(stage.one, a, b) };
}

test('each device gets its own ciphertext, on either node, and the platform keeps none', async () => {
  const { a, b, conversation } = await pair();
  const tablet = await stage.platform.peers.addDevice(b);
  const phone = await stage.platform.peers.addDevice(a);
  const people = [a, b, tablet, phone];
  const nodes = [stage.one, stage.two, stage.one, stage.two];
  const clients = await Promise.all(people.map((person, place) => connect(nodes[place]!, person)));
  const [sender, ...others] = clients;
  const recipients = people.map(({ device }) => ({ device, ciphertext: bytesOf(device) }));
  sender!.post({ type: 'ephemeral', conversation, recipients });
  for (const [place, client] of others.entries()) {
    const { device } = people[place + 1]!;
    await untilHeard(client, conversation, device);
    expect(framesOf(client, 'ephemeral')).toMatchObject([
      { conversation, sender: { user: a.user, device: a.device }, ciphertext: bytesOf(device) },
    ]);
  }
  expect(framesOf(sender!, 'ephemeral')).toEqual([]);
  const query = { limit: 10 };
  const history = await stage.one.call(b, listMessages, { params: { id: conversation }, query });
  expect(history).toMatchObject({ last: 0, slots: [] });
  const { rows } = await stage.platform.database.pool.query('select 1 from messages');
  expect(rows).toEqual([]);
  await Promise.all(clients.map((client) => client.close()));
});

test('one ciphertext reaches every device of a group but the sending one, and nobody outside', async () => {
  const { peers } = stage.platform;
  const [founder, ...members] = await addPeople(peers, 4);
  const [phone, outsider] = [await peers.addDevice(founder!), await peers.addPerson()];
  const group = new Group(peers, founder!, members);
  await group.create(stage.one, founder!);
  await acceptAll(members, group.id);
  const people = [founder!, phone, ...members, outsider];
  const clients = await Promise.all(
    people.map((person, place) => connect(place % 2 === 0 ? stage.one : stage.two, person)),
  );
  const [sender, ...insiders] = clients;
  const outside = insiders.pop();
  type(sender!, group.id, 'to all');
  await Promise.all(insiders.map((client) => untilHeard(client, group.id, 'to all')));
  // A device that is no member's is left out, whoever names it.
  const recipients = people.map(({ device }) => ({ device, ciphertext: bytesOf('to each') }));
  sender!.post({ type: 'ephemeral', conversation: group.id, recipients });
  await Promise.all(insiders.map((client) => untilHeard(client, group.id, 'to each')));
  await heardNothingNew(outside!, [founder!, outsider]);
  expect(heard(outside!, group.id)).toEqual([]);
  expect(heard(sender!, group.id)).toEqual([]);
  await Promise.all(clients.map((client) => client.close()));
});

test('who is removed from a group neither hears nor is heard', async () => {
  const { peers } = stage.platform;
  const [founder, removed, other] = await addPeople(peers, 3);
  const group = new Group(peers, founder!, [removed!, other!]);
  await group.create(stage.one, founder!);
  await acceptAll([removed!, other!], group.id);
  const [sender, gone, here] = await Promise.all([
    connect(stage.one, founder!),
    connect(stage.two, removed!),
    connect(stage.two, other!),
  ]);
  type(gone, group.id, 'inside');
  await untilHeard(here, group.id, 'inside');
  await group.change(stage.two, founder!, { type: 'remove', users: [removed!.user] });
  type(gone, group.id, 'outside');
  // The removal reaches the sender's node by a signal, behind which the sender types.
  await sender.slotsUpTo(group.id, 2);
  type(sender, group.id, 'without you');
  await untilHeard(here, group.id, 'without you');
  await heardNothingNew(gone, [founder!, removed!]);
  expect(heard(here, group.id)).toEqual(['inside', 'without you']);
  expect(heard(gone, group.id)).toEqual([]);
  await Promise.all([sender, gone, here].map((client) => client.close()));
});

test('a stranger, and whoever has yet to accept, is not heard and hears nothing', async () => {
  const { peers } = stage.platform;
  const [a, b, stranger] = await Promise.all([1, 2, 3].map(() => peers.addPerson()));
  const conversation = await openConversation(stage.one, a!, b!);
  const [host, guest, outside] = await Promise.all([
    connect(stage.one, a!),
    connect(stage.two, b!),
    connect(stage.one, stranger!),
  ]);
  type(outside, conversation, 'from a stranger');
  outside.post({
    type: 'ephemeral',
    conversation,
    recipients: [{ device: a!.device, ciphertext: bytesOf('from a stranger') }],
  });
  type(guest, conversation, 'too early');
  type(host, conversation, 'unasked');
  host.post({
    type: 'ephemeral',
    conversation,
    recipients: [{ device: b!.device, ciphertext: bytesOf('unasked') }],
  });
  // The other devices of who asked hear as ever: everything before this has been passed on, or dropped.
  const phone = await connect(stage.two, await peers.addDevice(a!));
  type(host, conversation, 'to myself');
  await untilHeard(phone, conversation, 'to myself');
  await stage.two.call(b!, acceptConversation, { params: { id: conversation } });
  type(guest, conversation, 'accepted');
  await untilHeard(host, conversation, 'accepted');
  type(host, conversation, 'welcome');
  await untilHeard(guest, conversation, 'welcome');
  expect(heard(host, conversation)).toEqual(['accepted']);
  expect(heard(guest, conversation)).toEqual(['welcome']);
  await Promise.all([host, phone, guest, outside].map((client) => client.close()));
});

test('nothing passes a block, in either direction, in groups neither', async () => {
  const { peers } = stage.platform;
  const [a, b, c] = await addPeople(peers, 3);
  const direct = await befriend(stage.one, a!, b!);
  await befriend(stage.one, a!, c!);
  const group = new Group(peers, a!, [b!, c!]);
  await group.create(stage.one, a!);
  const clients = await Promise.all([a!, b!, c!].map((person) => connect(stage.two, person)));
  const [first, second, third] = clients;
  for (const conversation of [direct, group.id]) {
    type(first!, conversation, 'before');
    await untilHeard(second!, conversation, 'before');
  }
  await stage.two.call(b!, blockUser, { params: { user_id: a!.user } });
  for (const [client, text] of [
    [first!, 'to the blocker'],
    [second!, 'to the blocked'],
  ] as const) {
    for (const conversation of [direct, group.id]) type(client, conversation, text);
    await untilHeard(third!, group.id, text);
  }
  for (const conversation of [direct, group.id]) {
    expect(heard(second!, conversation)).toEqual(['before']);
    expect(heard(first!, conversation)).toEqual([]);
  }
  await Promise.all(clients.map((client) => client.close()));
});

test('a socket that types without end is heard less, and stays open', async () => {
  const { a, b, conversation } = await pair();
  const [here, there] = [await connect(stage.one, a), await connect(stage.two, b)];
  const count = EPHEMERAL_BURST_POINTS * 3;
  for (let number = 0; number < count; number += 1) type(here, conversation, String(number));
  const first = '0';
  await untilHeard(there, conversation, first);
  await vi.waitFor(
    async () => {
      type(here, conversation, 'later');
      expect(heard(there, conversation)).toContain('later');
    },
    { timeout: 20_000, interval: 200 },
  );
  const numbers = heard(there, conversation).filter((text) => text !== 'later');
  expect(numbers.length).toBeGreaterThan(EPHEMERAL_BURST_POINTS / 2);
  expect(numbers.length).toBeLessThan(count / 2);
  expect(numbers).toEqual(numbers.toSorted((x, y) => Number(x) - Number(y)));
  await Promise.all([here.close(), there.close()]);
});

test('who was not connected never hears of it', async () => {
  const { a, b, conversation } = await pair();
  const phone = await connect(stage.two, await stage.platform.peers.addDevice(a));
  const here = await connect(stage.one, a);
  type(here, conversation, 'missed');
  await untilHeard(phone, conversation, 'missed');
  const there = await connect(stage.two, b);
  type(here, conversation, 'heard');
  await untilHeard(there, conversation, 'heard');
  expect(heard(there, conversation)).toEqual(['heard']);
  await Promise.all([phone, here, there].map((client) => client.close()));
});

/** Resolves when a client has been given what came after everything that it must not have heard. */
async function heardNothingNew(client: SocketClient, [a, b]: [Person, Person]): Promise<void> {
  const conversation = await befriend(stage.one, a, b);
  const marker = await connect(stage.one, await stage.platform.peers.addDevice(a));
  type(marker, conversation, 'marker');
  await untilHeard(client, conversation, 'marker');
  await marker.close();
}
