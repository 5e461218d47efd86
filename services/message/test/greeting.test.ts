import { once } from 'node:events';
import type { ConversationId } from '@sotto/api';
import { type Bus, createMemoryBus } from '@sotto/runtime';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { readMarks, writeCursors } from '../src/cursor-store.ts';
import { messageFor, textsOf } from './messages.ts';
import { type Platform, startPlatform } from './nodes.ts';
import { connect, openSocket } from './socket-client.ts';
import { numbers, startTalk } from './talk.ts';

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
  // At once: a copy of the device's store must not hear of less than was stored.
  expect(await helloOf(a)).toMatchObject({ sent: 3 });
  await vi.waitFor(
    async () => {
      const acknowledged = (await helloOf(b)).cursors;
      expect(acknowledged).toEqual([{ conversation, seq: 2 }]);
    },
    { timeout: 20_000, interval: 200 },
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

test('the greeting is the first frame, though messages come and the device speaks before it', async () => {
  const node = await platform.startNode(bus);
  const { a, b, conversation } = await startTalk(platform, node);
  const sender = await connect(node, a);
  await sender.send(messageFor(conversation, [b], { text: '1' }));
  const early = await whileGreetingsWait(async () => {
    const client = openSocket(node, { authorization: `Bearer ${b.token}` });
    await once(client.socket, 'open');
    client.acknowledge(conversation, 1);
    client.post({ type: 'send', number: 1, message: messageFor(conversation, [a]) });
    for (const text of numbers(20, 2)) {
      await sender.send(messageFor(conversation, [b], { text }));
    }
    return client;
  });
  await early.next('stored');
  const slots = await early.slotsUpTo(conversation, 21);
  expect(early.frames[0]).toMatchObject({ type: 'hello' });
  expect(textsOf(slots).slice(-20)).toEqual(numbers(20, 2));
  // What it acknowledged was heard.
  await vi.waitFor(
    async () => {
      const marks = { after: undefined, limit: 1 };
      const { cursors } = await readMarks(platform.database, b.device, marks);
      expect(cursors).toEqual([{ conversation, seq: 1 }]);
    },
    { timeout: 20_000 },
  );
  await Promise.all([sender.close(), early.close()]);
});

/** Holds the table that is read for a greeting, and for nothing else that anybody waits for. */
async function whileGreetingsWait<Result>(act: () => Promise<Result>): Promise<Result> {
  const holder = await platform.database.pool.connect();
  try {
    await holder.query('begin');
    await holder.query('lock table sent_counts');
    return await act();
  } finally {
    holder.release(true);
  }
}
