/** Senders hear how far what they sent has come, once a second at most; over two nodes, in groups too. */
import {
  acceptConversation,
  acknowledgeMessage,
  blockUser,
  type ConversationId,
  sendMessage,
  type UserId,
} from '@sotto/api';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addPeople, Group } from './groups.ts';
import { messageFor, openConversation } from './messages.ts';
import type { Person } from './peers.ts';
import { befriend, framesOf, type Stage, startStage } from './signals.ts';
import { connect, type SocketClient } from './socket-client.ts';

/** A second, less what the timers of two processes may be off. */
const SECOND_MS = 950;

let stage: Stage;

// Each waits for seconds to pass, so they wait together.
beforeAll(async () => {
  stage = await startStage();
});

afterAll(() => stage.close());

/** How far a member has come, as a client was told last. */
function progressOf(
  client: SocketClient,
  conversation: ConversationId,
  user: UserId,
): number | undefined {
  return framesOf(client, 'delivered')
    .filter((frame) => frame.conversation === conversation)
    .flatMap(({ members }) => members)
    .findLast((member) => member.user === user)?.seq;
}

function untilDelivered(
  client: SocketClient,
  conversation: ConversationId,
  { user, seq }: { user: UserId; seq: number },
): Promise<true> {
  return client.until(`word that ${seq} was delivered`, () =>
    progressOf(client, conversation, user) === seq ? true : undefined,
  );
}

/** Two people who have accepted each other, connected to one node each. */
async function pair() {
  const { peers } = stage.platform;
  const [a, b] = await Promise.all([peers.addPerson(), peers.addPerson()]);
  const conversation = await befriend(stage.one, a, b);
  const [here, there] = [await connect(stage.one, a), await connect(stage.two, b)];
  return { a, b, conversation, here, there };
}

test.concurrent("all the sender's devices hear it, on either node, and the one who acknowledges does not", async () => {
  const { a, b, conversation, here, there } = await pair();
  const tablet = await stage.platform.peers.addDevice(a);
  const other = await connect(stage.two, tablet);
  await here.send(messageFor(conversation, [b, tablet]));
  await there.slotsUpTo(conversation, 1);
  there.acknowledge(conversation, 1);
  for (const client of [here, other]) {
    await untilDelivered(client, conversation, { user: b.user, seq: 1 });
  }
  // What a user's own devices acknowledge tells nobody anything.
  await other.slotsUpTo(conversation, 1);
  other.acknowledge(conversation, 1);
  await there.send(messageFor(conversation, [a, tablet]));
  await here.slotsUpTo(conversation, 2);
  here.acknowledge(conversation, 2);
  await untilDelivered(there, conversation, { user: a.user, seq: 2 });
  for (const client of [here, other]) expect(framesOf(client, 'delivered')).toHaveLength(1);
  expect(framesOf(there, 'delivered')).toHaveLength(1);
  await Promise.all([here, other, there].map((client) => client.close()));
});

test.concurrent('a socket hears of a conversation once a second, from all nodes together', async () => {
  const [founder, ...members] = await addPeople(stage.platform.peers, 5);
  const group = new Group(stage.platform.peers, founder!, members);
  await group.create(stage.one, founder!);
  for (const member of members) {
    await stage.one.call(member, acceptConversation, { params: { id: group.id } });
  }
  const sender = await connect(stage.one, founder!);
  const readers = await Promise.all(
    members.map((member, place) => connect(place % 2 === 0 ? stage.one : stage.two, member)),
  );
  const times: number[] = [];
  sender.socket.on('message', (data) => {
    if (String(data).includes('"delivered"')) times.push(performance.now());
  });
  const first = 2;
  const last = first + 40 - 1;
  for (let seq = first; seq <= last; seq += 1) {
    await sender.send(group.message());
    await Promise.all(
      readers.map(async (reader) => {
        await reader.slotsUpTo(group.id, seq);
        reader.acknowledge(group.id, seq);
      }),
    );
    await new Promise((resolve) => setTimeout(resolve, 60));
  }
  for (const { user } of members) await untilDelivered(sender, group.id, { user, seq: last });
  const gaps = times.slice(1).map((time, place) => time - (times[place] ?? 0));
  expect(times.length).toBeGreaterThan(1);
  expect(Math.min(...gaps)).toBeGreaterThan(SECOND_MS);
  // Members hear nothing of what others have sent.
  for (const reader of readers) expect(framesOf(reader, 'delivered')).toEqual([]);
  await Promise.all([sender, ...readers].map((client) => client.close()));
});

test.concurrent('in a group every sender hears of the members who acknowledge what they sent', async () => {
  const people = await addPeople(stage.platform.peers, 3);
  const [a, b, c] = people;
  const group = new Group(stage.platform.peers, a!, [b!, c!]);
  await group.create(stage.one, a!);
  for (const person of [b!, c!]) {
    await stage.one.call(person, acceptConversation, { params: { id: group.id } });
  }
  const clients = await Promise.all(
    people.map((person, place) => connect(place === 1 ? stage.two : stage.one, person)),
  );
  const [first, second, third] = clients;
  await first!.send(group.message());
  await second!.send(group.message());
  await third!.slotsUpTo(group.id, 3);
  third!.acknowledge(group.id, 3);
  for (const client of [first!, second!]) {
    await untilDelivered(client, group.id, { user: c!.user, seq: 3 });
  }
  await second!.slotsUpTo(group.id, 2);
  second!.acknowledge(group.id, 2);
  await untilDelivered(first!, group.id, { user: b!.user, seq: 2 });
  expect(progressOf(second!, group.id, a!.user)).toBeUndefined();
  expect(framesOf(third!, 'delivered')).toEqual([]);
  await Promise.all(clients.map((client) => client.close()));
});

test.concurrent('nothing is told for who has yet to accept, and from then on it is', async () => {
  const { peers } = stage.platform;
  const [a, b, friend] = await Promise.all([1, 2, 3].map(() => peers.addPerson()));
  const conversation = await openConversation(stage.one, a!, b!);
  const known = await befriend(stage.one, a!, friend!);
  const [here, there, marker] = await Promise.all([
    connect(stage.one, a!),
    connect(stage.two, b!),
    connect(stage.two, friend!),
  ]);
  await here.send(messageFor(conversation, [b!]));
  await there.slotsUpTo(conversation, 1);
  there.acknowledge(conversation, 1);
  await tellOf(here, marker, { conversation: known, reader: friend! });
  expect(progressOf(here, conversation, b!.user)).toBeUndefined();
  await stage.two.call(b!, acceptConversation, { params: { id: conversation } });
  await here.send(messageFor(conversation, [b!]));
  await there.slotsUpTo(conversation, 2);
  there.acknowledge(conversation, 2);
  await untilDelivered(here, conversation, { user: b!.user, seq: 2 });
  await Promise.all([here, there, marker].map((client) => client.close()));
});

test.concurrent('nothing is told across a block, in groups neither', async () => {
  const [a, b, c] = await addPeople(stage.platform.peers, 3);
  for (const other of [b!, c!]) await befriend(stage.one, a!, other);
  const group = new Group(stage.platform.peers, a!, [b!, c!]);
  await group.create(stage.one, a!);
  const clients = await Promise.all([a!, b!, c!].map((person) => connect(stage.two, person)));
  const [first, second, third] = clients;
  await stage.two.call(b!, blockUser, { params: { user_id: a!.user } });
  await first!.send(group.message());
  for (const client of [second!, third!]) {
    await client.slotsUpTo(group.id, 2);
    client.acknowledge(group.id, 2);
  }
  await untilDelivered(first!, group.id, { user: c!.user, seq: 2 });
  expect(progressOf(first!, group.id, b!.user)).toBeUndefined();
  await Promise.all(clients.map((client) => client.close()));
});

test.concurrent('what was acknowledged by request, or of what an earlier socket was given, is told too', async () => {
  const { a, b, conversation, here, there } = await pair();
  const body = messageFor(conversation, [b]);
  await there.close();
  await stage.one.call(a, sendMessage, { body });
  await stage.two.call(b, acknowledgeMessage, { params: { id: body.id } });
  await untilDelivered(here, conversation, { user: b.user, seq: 1 });
  const before = await connect(stage.two, b);
  await here.send(messageFor(conversation, [b]));
  await before.slotsUpTo(conversation, 2);
  await before.close();
  const after = await connect(stage.two, b);
  after.acknowledge(conversation, 2);
  await untilDelivered(here, conversation, { user: b.user, seq: 2 });
  await Promise.all([here, after].map((client) => client.close()));
});

/** Resolves when a sender has been told of an acknowledgement that came after all before. */
async function tellOf(
  sender: SocketClient,
  reader: SocketClient,
  about: { conversation: ConversationId; reader: Person },
): Promise<void> {
  const { conversation } = about;
  await sender.send(messageFor(conversation, [about.reader]));
  await reader.slotsUpTo(conversation, 1);
  reader.acknowledge(conversation, 1);
  await untilDelivered(sender, conversation, { user: about.reader.user, seq: 1 });
}
