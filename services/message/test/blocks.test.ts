/** Who is blocked: what they send is taken and thrown away, and nothing tells them. */
import { randomUUID } from 'node:crypto';
import {
  blockUser,
  type ConversationId,
  getConversation,
  listBlocks,
  listMessages,
  sendMessage,
  UserId,
  unblockUser,
} from '@sotto/api';
import { createMemoryBus, publishEvent } from '@sotto/runtime';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { messageFor, openConversation, textsOf } from './messages.ts';
import { type Node, type Platform, startPlatform } from './nodes.ts';
import type { Person } from './peers.ts';
import { connect } from './socket-client.ts';
import { startTalk } from './talk.ts';

let platform: Platform;
let node: Node;
/** Another node over the same database, with a cache of its own. */
let other: Node;
const bus = createMemoryBus();

beforeAll(async () => {
  platform = await startPlatform(bus);
  node = await platform.startNode(bus);
  other = await platform.startNode(bus);
});

afterAll(async () => {
  await platform.close();
  await bus.close();
});

const params = ({ user }: Person) => ({ params: { user_id: user } });

async function textsFor(person: Person, id: ConversationId): Promise<string[]> {
  const { slots } = await node.call(person, listMessages, {
    params: { id },
    query: { limit: 100 },
  });
  return textsOf(slots);
}

test('nothing of a blocked sender is kept for the blocker, from whichever node it comes', async () => {
  const { a, b, conversation } = await startTalk(platform, node);
  const second = await platform.peers.addDevice(a);
  const send = (from: Node, text: string) =>
    from.call(a, sendMessage, { body: messageFor(conversation, [b, second], { text }) });
  // Both nodes remember the conversation as it is.
  await send(node, '1');
  await send(other, '2');
  await node.call(b, blockUser, params(a));
  await send(node, '3');
  await send(other, '4');
  expect(await textsFor(b, conversation)).toEqual(['1', '2']);
  // The sender's own devices have it: to them nothing has happened.
  expect(await textsFor(second, conversation)).toEqual(['1', '2', '3', '4']);
  await node.call(b, unblockUser, params(a));
  await send(other, '5');
  expect(await textsFor(b, conversation)).toEqual(['1', '2', '5']);
});

test('the blocked sender sees nothing of it, also when the same is sent again', async () => {
  const { a, b, conversation } = await startTalk(platform, node);
  const view = () => node.call(a, getConversation, { params: { id: conversation } });
  const before = await view();
  const reader = await connect(node, b);
  await node.call(b, blockUser, params(a));
  const body = messageFor(conversation, [b]);
  const stored = await node.call(a, sendMessage, { body });
  expect(await other.call(a, sendMessage, { body })).toEqual(stored);
  expect(await view()).toEqual({ ...before, last: before.last + 1, cursor: expect.any(Number) });
  // The blocker's socket has an empty place.
  const slots = await reader.slotsUpTo(conversation, stored.seq);
  expect(textsOf(slots)).toEqual([]);
  // And may write as before.
  const answer = messageFor(conversation, [a], { text: 'leave me alone' });
  await node.call(b, sendMessage, { body: answer });
  expect(await textsFor(a, conversation)).toEqual(['leave me alone']);
  await reader.close();
});

test('a block from before the first conversation holds in it', async () => {
  const [a, b] = await Promise.all([platform.peers.addPerson(), platform.peers.addPerson()]);
  await node.call(b, blockUser, params(a));
  const conversation = await openConversation(node, a, b);
  await node.call(a, sendMessage, { body: messageFor(conversation, [b]) });
  expect(await textsFor(b, conversation)).toEqual([]);
});

test('blocks are listed, made and lifted as often as anybody likes', async () => {
  const [a, b, c] = await Promise.all([1, 2, 3].map(() => platform.peers.addPerson()));
  if (a === undefined || b === undefined || c === undefined) throw new Error('no people');
  for (const person of [b, c, b]) await node.call(a, blockUser, params(person));
  expect((await node.call(a, listBlocks, {})).users).toEqual([b.user, c.user].sort());
  expect((await node.call(b, listBlocks, {})).users).toEqual([]);
  for (let times = 0; times < 2; times++) await node.call(a, unblockUser, params(b));
  expect((await node.call(a, listBlocks, {})).users).toEqual([c.user]);
});

test('nobody blocks themselves, a stranger to the platform, or more than a thousand', async () => {
  const a = await platform.peers.addPerson();
  await expect(node.call(a, blockUser, params(a))).rejects.toMatchObject({
    code: 'request.invalid',
  });
  const nobody = { params: { user_id: UserId.parse(randomUUID()) } };
  await expect(node.call(a, blockUser, nobody)).rejects.toMatchObject({ code: 'user.not-found' });
  await platform.database.pool.query(
    'insert into blocks (blocker, blocked) select $1, gen_random_uuid() from generate_series(1, 1000)',
    [a.user],
  );
  const b = await platform.peers.addPerson();
  await expect(node.call(a, blockUser, params(b))).rejects.toMatchObject({
    code: 'user.block-limit',
  });
});

test('blocks end with either account', async () => {
  const [a, b, c] = await Promise.all([1, 2, 3].map(() => platform.peers.addPerson()));
  if (a === undefined || b === undefined || c === undefined) throw new Error('no people');
  await node.call(a, blockUser, params(b));
  await node.call(b, blockUser, params(c));
  const deletion = { user: b.user, at: new Date().toISOString(), devices: [b.device] };
  await publishEvent(bus, 'events.account.deleted', deletion, randomUUID());
  await vi.waitFor(async () => {
    const { rows } = await platform.database.pool.query(
      'select 1 from blocks where blocker = any($1) or blocked = any($1)',
      [[a.user, b.user]],
    );
    expect(rows).toEqual([]);
  }, 20_000);
});
