import type { ConversationId } from '@sotto/api';
import { type Bus, createMemoryBus } from '@sotto/runtime';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { writeCursors } from '../src/cursor-store.ts';
import { messageFor } from './messages.ts';
import { type Platform, startPlatform } from './nodes.ts';
import { connect } from './socket-client.ts';
import { startTalk } from './talk.ts';

let platform: Platform;
const bus: Bus = createMemoryBus();

beforeAll(async () => {
  platform = await startPlatform(bus);
});

afterAll(async () => {
  await platform.close();
  await bus.close();
});

test('a device hears how much of it is stored and how far it has acknowledged', async () => {
  const node = await platform.startNode(bus);
  const { a, b, conversation } = await startTalk(platform, node);
  const first = await connect(node, a);
  expect(await first.next('hello')).toMatchObject({ incarnation: 1, sent: 0, cursors: [] });
  const other = await connect(node, b);
  for (let count = 0; count < 3; count++) {
    const message = messageFor(conversation, [b]);
    await first.send(message);
    // Sent again it is answered, and counts once.
    await first.send(message);
  }
  await other.slotsUpTo(conversation, 3);
  other.acknowledge(conversation, 2);
  await vi.waitFor(
    async () => {
      const marks = await helloOf(a);
      expect(marks.sent).toBe(3);
      const acknowledged = (await helloOf(b)).cursors;
      expect(acknowledged).toEqual([{ conversation, seq: 2 }]);
    },
    { timeout: 5_000, interval: 200 },
  );

  async function helloOf(person: typeof a) {
    const client = await connect(node, person);
    const hello = await client.next('hello');
    await client.close();
    return hello;
  }
});

test('more cursors than fit into a frame come in the frames behind it, each once', async () => {
  const node = await platform.startNode(bus);
  const person = await platform.peers.addPerson();
  const { device } = person;
  const rows = Array.from({ length: 2_300 }, (_, index) => ({
    device,
    conversation: `00000000-0000-4000-8000-${String(index).padStart(12, '0')}` as ConversationId,
    seq: index + 1,
  }));
  await writeCursors(platform.database, rows);
  const client = await connect(node, person);
  const cursors = await client.until('all cursors', () => {
    const all = client.frames.flatMap((frame) =>
      frame.type === 'hello' || frame.type === 'cursors' ? (frame.cursors ?? []) : [],
    );
    return all.length >= rows.length ? all : undefined;
  });
  expect(client.frames.map(({ type }) => type)).toEqual(['hello', 'cursors', 'cursors']);
  expect(cursors).toEqual(rows.map(({ conversation, seq }) => ({ conversation, seq })));
});
