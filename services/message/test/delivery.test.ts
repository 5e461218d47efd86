import {
  CLOSE_CODES,
  type ConversationId,
  listConversations,
  sendMessage,
  UNACKNOWLEDGED_MAX,
} from '@sotto/api';
import { type Bus, createMemoryBus } from '@sotto/runtime';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { messageFor, newId, openConversation, textsOf } from './messages.ts';
import { type Node, type Platform, startPlatform } from './nodes.ts';
import { assertGapless, connect } from './socket-client.ts';
import { numbers, sendAll, startTalk } from './talk.ts';

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

const pair = () => startTalk(platform, node);

describe('delivery', () => {
  test('messages arrive in order, without a gap, at every device of the other', async () => {
    const talk = await pair();
    const second = await platform.peers.addDevice(talk.b);
    const [from, one, two] = await Promise.all([
      connect(node, talk.a),
      connect(node, talk.b),
      connect(node, second),
    ]);
    const texts = numbers(200);
    await Promise.all(
      texts.map((text) => from.send(messageFor(talk.conversation, [talk.b, second], { text }))),
    );
    for (const client of [one, two]) {
      const slots = await client.slotsUpTo(talk.conversation, 200);
      assertGapless(slots, 1);
      expect(textsOf(slots)).toEqual(texts);
    }
    await Promise.all([from, one, two].map((client) => client.close()));
  });

  test("the sending socket hears `stored` alone; the sender's other device has a slot", async () => {
    const { a, b, conversation } = await pair();
    const other = await platform.peers.addDevice(a);
    const [from, also] = await Promise.all([connect(node, a), connect(node, other)]);
    const stored = await from.send(messageFor(conversation, [b, other], { text: 'mine' }));
    expect(stored).toMatchObject({ type: 'stored', seq: 1, conversation });
    expect(textsOf(await also.slotsUpTo(conversation, 1))).toEqual(['mine']);
    expect(from.slots(conversation)).toEqual([]);
    await Promise.all([from.close(), also.close()]);
  });

  test("what a device sends by request fills its socket's place with an empty slot", async () => {
    const { a, b, conversation } = await pair();
    const client = await connect(node, a);
    await node.call(a, sendMessage, { body: messageFor(conversation, [b]) });
    expect(await client.slotsUpTo(conversation, 1)).toEqual([{ type: 'none', from: 1, to: 1 }]);
    await client.close();
  });

  test('a device that was away gets what it missed, and goes on live', async () => {
    const talk = await pair();
    const from = await connect(node, talk.a);
    await sendAll(from, talk, numbers(300));
    const to = await connect(node, talk.b);
    expect(await to.next('catch-up')).toMatchObject({ first: 1, from: 0, last: 300 });
    await to.slotsUpTo(talk.conversation, UNACKNOWLEDGED_MAX);
    to.acknowledge(talk.conversation, UNACKNOWLEDGED_MAX);
    await to.slotsUpTo(talk.conversation, 300);
    await to.until('the end of the catch-up', () =>
      to.frames.find((frame) => frame.type === 'slots' && frame.caughtUp),
    );
    await sendAll(from, talk, numbers(50, 301));
    const slots = await to.slotsUpTo(talk.conversation, 350);
    assertGapless(slots, 1);
    expect(textsOf(slots)).toEqual(numbers(350));
    await Promise.all([from.close(), to.close()]);
  });

  test('messages that are sent while a device catches up arrive once and in order', async () => {
    const talk = await pair();
    const from = await connect(node, talk.a);
    await sendAll(from, talk, numbers(100));
    const sending = sendAll(from, talk, numbers(100, 101));
    const to = await connect(node, talk.b);
    await sending;
    const slots = await to.slotsUpTo(talk.conversation, 200);
    assertGapless(slots, 1);
    expect(textsOf(slots)).toEqual(numbers(200));
    await Promise.all([from.close(), to.close()]);
  });

  test('after a reconnect a device gets what it had not acknowledged, and nothing else', async () => {
    const talk = await pair();
    const from = await connect(node, talk.a);
    const first = await connect(node, talk.b);
    await sendAll(from, talk, numbers(10));
    await first.slotsUpTo(talk.conversation, 10);
    first.acknowledge(talk.conversation, 7);
    await first.close();
    const second = await connect(node, talk.b);
    const slots = await second.slotsUpTo(talk.conversation, 10);
    expect(textsOf(slots)).toEqual(['8', '9', '10']);
    await Promise.all([from.close(), second.close()]);
  });

  test('acknowledgements reach the database within seconds, and never fall', async () => {
    const talk = await pair();
    const from = await connect(node, talk.a);
    const to = await connect(node, talk.b);
    await sendAll(from, talk, numbers(5));
    await to.slotsUpTo(talk.conversation, 5);
    to.acknowledge(talk.conversation, 4);
    to.acknowledge(talk.conversation, 2);
    to.acknowledge(talk.conversation, 1_000_000);
    await vi.waitFor(
      async () => {
        const row = await platform.database.query
          .selectFrom('cursors')
          .where('device', '=', talk.b.device)
          .select('seq')
          .executeTakeFirst();
        expect(row?.seq).toBe(5);
      },
      { timeout: 20_000, interval: 50 },
    );
    await Promise.all([from.close(), to.close()]);
  });

  test('no more is pushed than a device may have unacknowledged', async () => {
    const talk = await pair();
    const from = await connect(node, talk.a);
    const to = await connect(node, talk.b);
    // In rounds, so that each finds the socket idle and would be sent from memory.
    for (let round = 0; round < 4; round += 1) {
      await sendAll(from, talk, numbers(100, round * 100 + 1));
      await to.slotsUpTo(talk.conversation, Math.min(UNACKNOWLEDGED_MAX, round * 100 + 100));
    }
    expect(textsOf(to.slots(talk.conversation))).toHaveLength(UNACKNOWLEDGED_MAX);
    to.acknowledge(talk.conversation, UNACKNOWLEDGED_MAX);
    const slots = await to.slotsUpTo(talk.conversation, 400);
    assertGapless(slots, 1);
    await Promise.all([from.close(), to.close()]);
  });

  test('a device that reads nothing is paused, and has everything after it reads again', async () => {
    const talk = await pair();
    const from = await connect(node, talk.a);
    const to = await connect(node, talk.b);
    to.socket.pause();
    const text = 'y'.repeat(60_000);
    for (let count = 0; count < 120; count += 1) {
      await from.send(messageFor(talk.conversation, [talk.b], { text }));
    }
    to.socket.resume();
    const slots = await to.slotsUpTo(talk.conversation, 120, 10_000);
    assertGapless(slots, 1);
    expect(textsOf(slots)).toHaveLength(120);
    await Promise.all([from.close(), to.close()]);
  });

  test('many conversations catch up side by side', async () => {
    const me = await platform.peers.addPerson();
    const rooms: ConversationId[] = [];
    for (let count = 0; count < 20; count += 1) {
      const other = await platform.peers.addPerson();
      const room = await openConversation(node, other, me);
      for (const text of numbers(3)) {
        await node.call(other, sendMessage, { body: messageFor(room, [me], { text }) });
      }
      rooms.push(room);
    }
    const client = await connect(node, me);
    for (const room of rooms) {
      expect(textsOf(await client.slotsUpTo(room, 3))).toEqual(numbers(3));
    }
    await client.close();
  });
});

describe('a fan-out that misbehaves', () => {
  /** A bus whose fan-out arrives as `change` has it. */
  function distorted(
    change: (data: Uint8Array, pass: (data: Uint8Array) => Promise<void>) => void,
  ): Bus {
    return {
      ...bus,
      follow: (subject, follower) =>
        bus.follow(subject, {
          onGap: follower.onGap,
          async onMessage(data) {
            change(data, (passed) => follower.onMessage(passed));
          },
        }),
    };
  }

  async function talkAcross(far: Node, count: number) {
    const talk = await pair();
    const [from, to] = [await connect(node, talk.a), await connect(far, talk.b)];
    for (const text of numbers(count))
      await from.send(messageFor(talk.conversation, [talk.b], { text }));
    const slots = await to.slotsUpTo(talk.conversation, count);
    assertGapless(slots, 1);
    expect(textsOf(slots)).toEqual(numbers(count));
    await Promise.all([from.close(), to.close()]);
  }

  test('what it loses in the middle is read from the database', async () => {
    let count = 0;
    const far = await platform.startNode(
      distorted((data, pass) => {
        count += 1;
        if (count % 3 !== 2) void pass(data);
      }),
    );
    await talkAcross(far, 30);
    await far.close();
  });

  test('what it turns around is put in order, and what it repeats is dropped', async () => {
    let kept: Uint8Array | undefined;
    const far = await platform.startNode(
      distorted((data, pass) => {
        if (kept === undefined) {
          kept = data;
          return;
        }
        void pass(data).then(() => pass(data));
        void pass(kept);
        kept = undefined;
      }),
    );
    await talkAcross(far, 30);
    await far.close();
  });

  test('after a gap every device looks for what it missed', async () => {
    let reportGap: () => void = () => undefined;
    const deaf: Bus = {
      ...bus,
      async follow(_, follower) {
        reportGap = follower.onGap;
        return { close: async () => undefined };
      },
    };
    const far = await platform.startNode(deaf);
    const talk = await pair();
    const [from, to] = [await connect(node, talk.a), await connect(far, talk.b)];
    await sendAll(from, talk, numbers(10));
    expect(to.slots(talk.conversation)).toEqual([]);
    reportGap();
    const slots = await to.slotsUpTo(talk.conversation, 10);
    expect(textsOf(slots)).toEqual(numbers(10));
    await Promise.all([from.close(), to.close()]);
    await far.close();
  });
});

describe('signals', () => {
  test('one that is late closes no socket that is newer', async () => {
    const held: (() => void)[] = [];
    const late: Bus = {
      ...bus,
      signal: (subject, data) => void held.push(() => bus.signal(subject, data)),
    };
    const far = await platform.startNode(late);
    const { a, b, conversation } = await pair();
    const first = await connect(far, a);
    const second = await connect(node, a);
    expect((await first.closed).code).toBe(CLOSE_CODES.replaced);
    for (const release of held) release();
    expect(await second.send(messageFor(conversation, [b]))).toMatchObject({ seq: 1 });
    const third = await connect(far, a);
    for (const release of held) release();
    expect((await second.closed).code).toBe(CLOSE_CODES.replaced);
    await third.close();
    await far.close();
  });
});

describe('the end', () => {
  test('a node that closes sends its sockets away, with everything stored and every cursor written', async () => {
    const closing = await platform.startNode(bus);
    const talk = await pair();
    const [from, to] = [await connect(closing, talk.a), await connect(closing, talk.b)];
    await sendAll(from, talk, numbers(20));
    await to.slotsUpTo(talk.conversation, 20);
    to.acknowledge(talk.conversation, 20);
    const last = await from.send(messageFor(talk.conversation, [talk.b], { id: newId() }));
    await closing.close();
    expect((await from.closed).code).toBe(CLOSE_CODES.draining);
    expect((await to.closed).code).toBe(CLOSE_CODES.draining);
    const query = { limit: 10 };
    const { conversations } = await node.call(talk.b, listConversations, { query });
    expect(conversations).toMatchObject([{ cursor: 20, last: 'seq' in last ? last.seq : 0 }]);
  });
});
