/** What the message service gives out after its database was restored from a backup. */
import { listConversations, listMessages } from '@sotto/api';
import { createMemoryBus } from '@sotto/runtime';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { AlreadyRestored, beginRestore, endRestore, HalfRestored } from '../src/restored.ts';
import { messageFor } from './messages.ts';
import { type Platform, startPlatform } from './nodes.ts';
import { assertGapless, connect } from './socket-client.ts';
import { startTalk } from './talk.ts';

const bus = createMemoryBus();
let platform: Platform;

beforeEach(async () => {
  platform = await startPlatform(bus);
});
afterEach(() => platform.close());

const AT = Date.UTC(2026, 10, 21);
const restore = (now = AT, again = false) => beginRestore(platform.database, { now, again });

test('places go on above all that may have been given, and the ones between are empty', async () => {
  const first = await platform.startNode(bus);
  const talk = await startTalk(platform, first);
  const { a, b, conversation } = talk;
  const before = await connect(first, a);
  for (let count = 0; count < 3; count++) await before.send(messageFor(conversation, [b]));
  await before.close();
  await first.close();

  const incarnation = await restore();
  expect(await endRestore(platform.database, incarnation)).toEqual({ conversations: 1 });
  const node = await platform.startNode(bus);
  const sender = await connect(node, a);
  expect(await sender.next('hello')).toMatchObject({ incarnation, sent: 3 });
  const stored = await sender.send(messageFor(conversation, [b]));
  expect(stored).toMatchObject({ seq: incarnation * 2 ** 20 + 1 });
  const reader = await connect(node, b);
  const slots = await reader.slotsUpTo(conversation, incarnation * 2 ** 20 + 1);
  assertGapless(slots, 1);
  expect(slots.filter(({ type }) => type === 'message')).toHaveLength(4);
  const query = { after: 3, limit: 100 };
  const page = await node.call(b, listMessages, { params: { id: conversation }, query });
  expect(page.incarnation).toBe(incarnation);
  expect(page.slots).toHaveLength(2);
  const { incarnation: listed } = await node.call(b, listConversations, { query: { limit: 1 } });
  expect(listed).toBe(incarnation);
});

test('it is done once for each restore, and goes on as it began after a crash', async () => {
  const node = await platform.startNode(bus);
  await node.close();
  const incarnation = await restore();
  expect(await restore(AT + 600_000)).toBe(incarnation);
  await endRestore(platform.database, incarnation);
  await expect(restore()).rejects.toThrow(AlreadyRestored);
  expect(await restore(AT, true)).toBe(incarnation + 1);
  await endRestore(platform.database, incarnation + 1);
  // Whatever ran is in the next backup.
  const again = await platform.startNode(bus);
  await again.close();
  expect(await restore(AT)).toBe(incarnation + 2);
});

test('the platform does not start on a database whose restore was broken off', async () => {
  const first = await platform.startNode(bus);
  await first.close();
  const incarnation = await restore();
  await expect(platform.startNode(bus)).rejects.toThrow(HalfRestored);
  // Whoever was refused has changed nothing.
  expect(await restore(AT + 600_000)).toBe(incarnation);
  await endRestore(platform.database, incarnation);
  const node = await platform.startNode(bus);
  const person = await platform.peers.addPerson();
  const client = await connect(node, person);
  expect(await client.next('hello')).toMatchObject({ incarnation });
});

test('one backup that is restored twice is another platform each time', async () => {
  const node = await platform.startNode(bus);
  await node.close();
  const first = await restore();
  await platform.database.pool.query('update platform set restoring = null');
  expect(await restore(AT + 2_000)).toBe(first + 2);
  // A backup of a database whose restore was broken off.
  expect(await restore(AT, true)).toBe(first + 3);
});

test('what takes the place of a platform rises above it, also when the clock was put back', async () => {
  const { database } = platform;
  const node = await platform.startNode(bus);
  await node.close();
  const above = (await restore(AT)) + 1_000;
  const again = { now: AT, again: true, above };
  expect(await beginRestore(database, again)).toBe(above + 1);
});
