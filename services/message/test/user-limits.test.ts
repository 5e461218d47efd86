/** What one user may ask of the platform, beside the messages of one conversation. */
import {
  acceptConversation,
  blockUser,
  ConversationId,
  getConversation,
  sendMessage,
} from '@sotto/api';
import { limitsSection } from '@sotto/runtime';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addPeople, Group } from './groups.ts';
import { messageFor, newId, openConversation, textsOf } from './messages.ts';
import { type Node, type Platform, startPlatform } from './nodes.ts';
import type { Person } from './peers.ts';
import { connect } from './socket-client.ts';
import { history } from './two-nodes.ts';

let platform: Platform;

beforeAll(async () => {
  platform = await startPlatform();
});

afterAll(() => platform.close());

function startNode(
  limits: Partial<Record<keyof typeof limitsSection.shape, number>>,
): Promise<Node> {
  return platform.startNode(undefined, { limits: limitsSection.parse(limits) });
}

test('a message by request to a conversation that is not the sender’s counts as a request', async () => {
  const node = await startNode({ userPerMinute: 3 });
  const person = await platform.peers.addPerson();
  const guess = () => {
    const conversation = ConversationId.parse(newId());
    return node.call(person, sendMessage, { body: messageFor(conversation, [person]) }).then(
      () => 'taken',
      ({ code }) => code,
    );
  };
  const answers = [await guess(), await guess(), await guess(), await guess()];
  expect(answers).toEqual([...Array(3).fill('conversation.not-found'), 'rate.limited']);
});

const code = (outcome: Promise<unknown>) =>
  outcome.then(
    () => 'taken',
    (error) => error.code,
  );

test('so many strangers a user takes into groups in a day, and friends as many as there are', async () => {
  const node = await startNode({ userPerMinute: 1_000, groupStrangersPerDay: 3 });
  const { peers } = platform;
  const people = await addPeople(peers, 9);
  const [ann, ...others] = people as [Person, ...Person[]];
  const friends = others.slice(6);
  for (const friend of friends) {
    const id = await openConversation(node, ann, friend);
    await node.call(friend, acceptConversation, { params: { id } });
  }
  const group = new Group(peers, ann, others.slice(0, 2));
  await group.create(node, ann);
  const add = (added: readonly Person[]) =>
    code(group.change(node, ann, { type: 'add', users: added.map(({ user }) => user) }));
  expect(await add(others.slice(2, 4))).toBe('rate.limited');
  expect(await add(friends)).toBe('taken');
  // A refusal has taken nothing.
  expect(await add(others.slice(2, 3))).toBe('taken');
  expect(await add(others.slice(3, 4))).toBe('rate.limited');
  expect(await code(new Group(peers, ann, others.slice(4, 5)).create(node, ann))).toBe(
    'rate.limited',
  );
  const other = await addPeople(peers, 1);
  expect(await code(new Group(peers, other[0]!, others.slice(4, 5)).create(node, other[0]!))).toBe(
    'taken',
  );
});

test('an entry costs its author what a message does', async () => {
  const node = await startNode({ userPerMinute: 1_000, sendPerMinute: 4, sendBurst: 4 });
  const [ann, bob] = (await addPeople(platform.peers, 2)) as [Person, Person];
  const group = new Group(platform.peers, ann, [bob]);
  await group.create(node, ann);
  const make = (role: 'admin' | 'member') =>
    code(group.change(node, ann, { type: 'role', user: bob.user, role }));
  expect(await make('admin')).toBe('taken');
  expect(await code(node.call(ann, sendMessage, { body: group.message() }))).toBe('taken');
  expect(await make('member')).toBe('taken');
  expect(await make('admin')).toBe('rate.limited');
  expect(await code(node.call(ann, sendMessage, { body: group.message() }))).toBe('rate.limited');
  expect(await code(node.call(bob, sendMessage, { body: group.message() }))).toBe('taken');
});

test('who blocks the one who added them to a group that they have not accepted gets nothing more of it', async () => {
  const one = await startNode({ userPerMinute: 1_000 });
  const two = await startNode({ userPerMinute: 1_000 });
  const [ann, bob, cat] = (await addPeople(platform.peers, 3)) as [Person, Person, Person];
  const group = new Group(platform.peers, ann, [bob, cat]);
  await group.create(one, ann);
  const kept = new Group(platform.peers, ann, [bob]);
  await kept.create(one, ann);
  await one.call(bob, acceptConversation, { params: { id: kept.id } });
  const clients = [await connect(two, bob), await connect(two, cat)] as const;
  const say = (to: Group, text: string) =>
    one.call(ann, sendMessage, { body: to.message({ text }) });
  const before = await say(group, 'before');
  await clients[0].slotsUpTo(group.id, before.seq);
  await one.call(bob, blockUser, { params: { user_id: ann.user } });
  const after = await say(group, 'after');
  const last = await say(kept, 'in the other');
  // Others hear it, and who blocked is still in the log, as senders key for it.
  expect(textsOf(await clients[1].slotsUpTo(group.id, after.seq))).toEqual(['before', 'after']);
  expect(textsOf(await clients[0].slotsUpTo(kept.id, last.seq))).toEqual(['in the other']);
  expect(textsOf(clients[0].slots(group.id))).toEqual(['before']);
  const ask = (id: ConversationId) => code(two.call(bob, getConversation, { params: { id } }));
  expect(await ask(group.id)).toBe('conversation.not-found');
  expect(await ask(kept.id)).toBe('taken');
  expect(textsOf((await history(two, bob, group)).slots)).toEqual(['before']);
  await Promise.all(clients.map((client) => client.close()));
});
