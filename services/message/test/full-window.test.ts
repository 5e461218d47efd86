/** What a device is told when its window fills while a page for it waits for its turn at the database. */
import { type ConversationId, ServerFrame, type Slot, UNACKNOWLEDGED_MAX } from '@sotto/api';
import { createLogger, createMetrics } from '@sotto/runtime';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { z } from 'zod';
import { type Cursors, startCursors } from '../src/cursors.ts';
import { Delivery } from '../src/delivery.ts';
import { createEvents } from '../src/events.ts';
import { readForwards } from '../src/history-store.ts';
import { deviceBytes } from '../src/packed-recipients.ts';
import { messageFor, openConversation, textsOf } from './messages.ts';
import { type Node, type Platform, startPlatform } from './nodes.ts';
import type { Person } from './peers.ts';
import { assertGapless, connect } from './socket-client.ts';
import { numbers } from './talk.ts';

let platform: Platform;
let node: Node;
let cursors: Cursors;
const log = createLogger({ service: 'message', level: 'silent' });

beforeAll(async () => {
  platform = await startPlatform();
  node = await platform.startNode();
  cursors = startCursors({ database: platform.database, log });
});

afterAll(async () => {
  await cursors.close();
  await platform.close();
});

test('a page whose turn comes when the window is full waits, and is not told to be empty', async () => {
  const reader = await platform.peers.addPerson();
  const [missed, live] = [await startRoom(reader), await startRoom(reader)];
  const gate = openGate();
  const slots = new Map<ConversationId, Slot[]>();
  const delivery = open(reader, gate.pass, slots);

  // The live conversation is open, and its first message sent.
  await live.say(numbers(1));
  delivery.take(live.id, await live.read(1), 1);
  await vi.waitFor(() => expect(slots.get(live.id)).toHaveLength(1));

  // A catch-up waits for the database, and meanwhile live messages take all that the device may have unacknowledged.
  await missed.say(numbers(300));
  gate.close();
  const catchingUp = delivery.catchUp();
  gate.letOne();
  await catchingUp;
  await live.say(numbers(UNACKNOWLEDGED_MAX - 1, 2));
  delivery.take(live.id, await live.read(2), 1);
  gate.open();
  await gate.isIdle();
  expect(slots.get(missed.id)).toBeUndefined();

  delivery.acknowledge(live.id, UNACKNOWLEDGED_MAX);
  await vi.waitFor(() => {
    delivery.acknowledge(missed.id, slots.get(missed.id)?.length ?? 0);
    expect(slots.get(missed.id)).toHaveLength(300);
  });
  assertGapless(slots.get(missed.id) ?? [], 1);
  expect(textsOf(slots.get(missed.id) ?? [])).toEqual(numbers(300));
  delivery.close();
});

/** A conversation in which somebody else writes to a reader. */
async function startRoom(reader: Person) {
  const writer = await platform.peers.addPerson();
  const id = await openConversation(node, writer, reader);
  return {
    id,
    async say(texts: readonly string[]) {
      const socket = await connect(node, writer);
      await Promise.all(texts.map((text) => socket.send(messageFor(id, [reader], { text }))));
      await socket.close();
    },
    /** What is stored from a place on. */
    async read(from: number) {
      const wanted = { conversation: id, above: from - 1, upTo: 1_000, limit: 1_000 };
      return (await readForwards(platform.database, wanted)).messages;
    },
  };
}

function open(
  { user, device }: Person,
  turnstile: ReturnType<typeof openGate>['pass'],
  slots: Map<ConversationId, Slot[]>,
): Delivery {
  const receive = (text: string) => {
    const frame = z.decode(ServerFrame, JSON.parse(text));
    if (frame.type !== 'slots') return;
    slots.set(frame.conversation, [...(slots.get(frame.conversation) ?? []), ...frame.slots]);
  };
  return new Delivery(
    {
      ...{ database: platform.database, cursors, clock: Date.now, turnstile },
      events: createEvents(createMetrics('message'), log),
      counts: { note: () => undefined },
      live: { noteDelivered: () => undefined },
    },
    {
      reader: { user, device, bytes: deviceBytes(device) },
      outlet: { send: receive, sendFrame: () => expect.unreachable(), isFull: () => false },
      origin: {},
      onStranger: () => expect.unreachable(),
    },
  );
}

/** A turnstile that can be closed. */
function openGate() {
  const waiting: (() => void)[] = [];
  let isClosed = false;
  let underWay = 0;
  return {
    async pass<T>(work: () => Promise<T>): Promise<T> {
      underWay += 1;
      if (isClosed) await new Promise<void>((resolve) => waiting.push(resolve));
      return work().finally(() => {
        underWay -= 1;
      });
    },
    close() {
      isClosed = true;
    },
    letOne: () => waiting.shift()?.(),
    open() {
      isClosed = false;
      for (const go of waiting.splice(0)) go();
    },
    isIdle: () => vi.waitFor(() => expect(underWay).toBe(0)),
  };
}
