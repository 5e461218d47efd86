/** The WebSocket of the message service: admission, delivery, order, and hostile frames. */
import { randomBytes, randomUUID } from 'node:crypto';
import {
  CLOSE_CODES,
  type ConversationId,
  getConversation,
  listConversations,
  openSocketTicket,
  SOCKET_PATH,
  SOCKET_PROTOCOL,
  SOCKET_TICKET_PREFIX,
  sendMessage,
  UNACKNOWLEDGED_MAX,
} from '@sotto/api';
import { createMemoryBus } from '@sotto/runtime';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { messageFor, newId, openConversation, textsOf } from './messages.ts';
import { type Node, type Platform, startPlatform } from './nodes.ts';
import type { Person } from './peers.ts';
import { assertGapless, connect, openSocket, type SocketClient } from './socket-client.ts';

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

interface Talk {
  a: Person;
  b: Person;
  conversation: ConversationId;
}

async function pair(): Promise<Talk> {
  const [a, b] = await Promise.all([platform.peers.addPerson(), platform.peers.addPerson()]);
  return { a, b, conversation: await openConversation(node, a, b) };
}

/** Sends texts over one socket, all at once; resolves when the last is stored. */
async function sendAll(client: SocketClient, { b, conversation }: Talk, texts: string[]) {
  return Promise.all(texts.map((text) => client.send(messageFor(conversation, [b], { text }))));
}

const numbers = (count: number, from = 1) =>
  Array.from({ length: count }, (_, index) => String(from + index));

describe('admission', () => {
  test('an access token in the header opens a socket, which greets', async () => {
    const person = await platform.peers.addPerson();
    const client = await connect(node, person);
    expect(client.socket.protocol).toBe(SOCKET_PROTOCOL);
    expect(await client.next('hello')).toEqual({
      type: 'hello',
      user: person.user,
      device: person.device,
      incarnation: 1,
    });
    await client.close();
  });

  test('a ticket opens one socket, once', async () => {
    const person = await platform.peers.addPerson();
    const { ticket, expiresIn } = await node.call(person, openSocketTicket, {});
    expect(expiresIn).toBe(30);
    const protocols = [SOCKET_PROTOCOL, `${SOCKET_TICKET_PREFIX}${ticket}`];
    const client = openSocket(node, {}, protocols);
    expect(await client.next('hello')).toMatchObject({ device: person.device });
    expect(client.socket.protocol).toBe(SOCKET_PROTOCOL);
    const again = openSocket(node, {}, protocols);
    expect((await again.closed).code).toBe(1006);
    await client.close();
  });

  test('a ticket of a session that was revoked since is worth nothing', async () => {
    const person = await platform.peers.addPerson();
    const { ticket } = await node.call(person, openSocketTicket, {});
    platform.peers.revoke(person);
    await vi.waitFor(
      async () => {
        await expect(node.call(person, openSocketTicket, {})).rejects.toThrow();
      },
      { timeout: 5_000, interval: 100 },
    );
    const client = openSocket(node, {}, [SOCKET_PROTOCOL, `${SOCKET_TICKET_PREFIX}${ticket}`]);
    expect((await client.closed).code).toBe(1006);
  });

  test.each([
    ['no token', {}, 401],
    ['a token that is none', { authorization: 'Bearer x' }, 401],
    ['a password', { authorization: 'Basic dTpw' }, 401],
  ])(
    '%s is refused before the upgrade, as a problem',
    async (_, headers: Record<string, string>, status) => {
      const response = await upgradeOverHttp(headers);
      expect(response.status).toBe(status);
      expect(response.body).toMatchObject({ code: expect.stringMatching(/^auth\.token-/) });
    },
  );

  test('other paths are not upgraded', async () => {
    const { status } = await upgradeOverHttp({}, '/api/v1/other');
    expect(status).toBe(404);
  });

  test('a socket closes when its token ends', async () => {
    const person = await platform.peers.addPerson();
    const token = platform.peers.tokenFor(person, 2_500);
    const client = await connect(node, { ...person, token });
    expect((await client.closed).code).toBe(CLOSE_CODES.tokenEnded);
  });

  test('a socket closes when its session is revoked', async () => {
    const person = await platform.peers.addPerson();
    const client = await connect(node, person);
    platform.peers.revoke(person);
    expect((await client.closed).code).toBe(CLOSE_CODES.tokenEnded);
  });

  test('a device has one socket: the older is closed', async () => {
    const person = await platform.peers.addPerson();
    const first = await connect(node, person);
    const second = await connect(node, person);
    expect((await first.closed).code).toBe(CLOSE_CODES.replaced);
    await second.close();
  });
});

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
      { timeout: 5_000, interval: 50 },
    );
    await Promise.all([from.close(), to.close()]);
  });

  test('no more is pushed than a device may have unacknowledged', async () => {
    const talk = await pair();
    const from = await connect(node, talk.a);
    const to = await connect(node, talk.b);
    await sendAll(from, talk, numbers(UNACKNOWLEDGED_MAX + 100));
    await to.slotsUpTo(talk.conversation, UNACKNOWLEDGED_MAX);
    await sendAll(from, talk, ['last']);
    expect(textsOf(to.slots(talk.conversation))).toHaveLength(UNACKNOWLEDGED_MAX);
    to.acknowledge(talk.conversation, UNACKNOWLEDGED_MAX);
    const slots = await to.slotsUpTo(talk.conversation, UNACKNOWLEDGED_MAX + 101);
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

describe('send numbers', () => {
  test('after a refusal later numbers are refused until the refused one comes again', async () => {
    const { a, b, conversation } = await pair();
    const stranger = await platform.peers.addPerson();
    const client = await connect(node, a);
    const wrong = messageFor(conversation, [stranger]);
    const later = [messageFor(conversation, [b]), messageFor(conversation, [b])];
    const [refused, ...after] = await Promise.all([
      client.send(wrong, 1),
      ...later.map((message, index) => client.send(message, index + 2)),
    ]);
    expect(refused).toMatchObject({ code: 'message.devices-stale' });
    for (const answer of after) expect(answer).toMatchObject({ code: 'message.after-refused' });
    const mended = messageFor(conversation, [b], { id: wrong.id });
    expect(await client.send(mended, 1)).toMatchObject({ seq: 1 });
    const answers = await Promise.all(
      later.map((message, index) => client.send(message, index + 2)),
    );
    expect(answers).toMatchObject([{ seq: 2 }, { seq: 3 }]);
    await client.close();
  });

  test('a conflict in the middle stops what was sent behind it in the same batch', async () => {
    const { a, b, conversation } = await pair();
    const client = await connect(node, a);
    const first = messageFor(conversation, [b]);
    await client.send(first, 1);
    const answers = await Promise.all([
      client.send(messageFor(conversation, [b]), 2),
      client.send(messageFor(conversation, [b], { id: first.id }), 3),
      client.send(messageFor(conversation, [b]), 4),
    ]);
    expect(answers).toMatchObject([
      { seq: 2 },
      { code: 'message.id-conflict' },
      { code: 'message.after-refused' },
    ]);
    client.post({ type: 'withdraw', conversation, number: 3 });
    expect(await client.send(messageFor(conversation, [b]), 4)).toMatchObject({ seq: 3 });
    await client.close();
  });

  test('another conversation is not held up', async () => {
    const { a, conversation } = await pair();
    const other = await platform.peers.addPerson();
    const free = await openConversation(node, a, other);
    const client = await connect(node, a);
    expect(await client.send(messageFor(conversation, [other]), 1)).toMatchObject({ status: 409 });
    expect(await client.send(messageFor(free, [other]), 1)).toMatchObject({ seq: 1 });
    await client.close();
  });

  test('a message sent again after the connection broke is stored once', async () => {
    const { a, b, conversation } = await pair();
    const message = messageFor(conversation, [b]);
    const first = await connect(node, a);
    first.post({ type: 'send', number: 1, message });
    first.socket.terminate();
    const second = await connect(node, a);
    expect(await second.send(message, 1)).toMatchObject({ seq: 1 });
    expect(await second.send(messageFor(conversation, [b]), 2)).toMatchObject({ seq: 2 });
    await second.close();
  });
});

describe('hostile frames', () => {
  async function closeOf(talk: Talk, act: (client: SocketClient) => void) {
    const client = await connect(node, talk.a);
    act(client);
    return client.closed;
  }

  const id = randomUUID();
  const ack = (fields: object) =>
    JSON.stringify({ type: 'ack', conversation: id, seq: 1, ...fields });
  test.each([
    ['no JSON', '{', 'request.malformed'],
    ['an empty text', '', 'request.malformed'],
    ['a number', '1', 'request.invalid'],
    ['an unknown type', '{"type":"hello"}', 'request.invalid'],
    ['an unknown field', ack({ more: 1 }), 'request.invalid'],
    ['a wildcard as conversation', ack({ conversation: '*' }), 'request.invalid'],
    ['a subject as conversation', ack({ conversation: 'fanout.>' }), 'request.invalid'],
    ['upper case', ack({ conversation: id.toUpperCase() }), 'request.invalid'],
    ['a negative place', ack({ seq: -1 }), 'request.invalid'],
    ['a fraction', ack({ seq: 1.5 }), 'request.invalid'],
    ['a place beyond numbers', ack({ seq: 1e300 }), 'request.invalid'],
    ['a foreign conversation', ack({}), 'conversation.not-found'],
    ['depth', `${'['.repeat(50_000)}${']'.repeat(50_000)}`, 'request.invalid'],
    ['a prototype', '{"type":"ack","__proto__":{"x":1}}', 'request.invalid'],
    [
      'a withdrawal of nothing',
      JSON.stringify({ type: 'withdraw', conversation: id, number: 1 }),
      'request.invalid',
    ],
  ])('%s closes the socket with its problem', async (_, text, reason) => {
    const closed = await closeOf(await pair(), (client) => client.socket.send(text));
    expect(closed).toEqual({ code: CLOSE_CODES.badFrame, reason });
  });

  test('binary frames, huge frames and broken text end the connection', async () => {
    const talk = await pair();
    const binary = await closeOf(talk, (client) => client.socket.send(randomBytes(10)));
    expect(binary).toEqual({ code: CLOSE_CODES.badFrame, reason: 'request.malformed' });
    const huge = await closeOf(talk, (client) => client.socket.send('x'.repeat(600_000)));
    expect(huge.code).toBe(1009);
    const broken = await closeOf(talk, (client) =>
      client.socket.send(Buffer.from([0xe2, 0x82]), { binary: false }),
    );
    expect(broken.code).toBe(1007);
    const fragments = await closeOf(talk, (client) => {
      for (let count = 0; count < 1_000; count += 1) client.socket.send('x', { fin: false });
    });
    expect(fragments.code).toBe(1008);
  });

  test('misnumbered sends end the connection', async () => {
    const talk = await pair();
    const message = messageFor(talk.conversation, [talk.b]);
    const closed = await closeOf(talk, (client) =>
      client.post({ type: 'send', number: 5, message }),
    );
    expect(closed).toEqual({ code: CLOSE_CODES.badFrame, reason: 'request.invalid' });
  });

  test('a send to a foreign conversation is refused like one to none', async () => {
    const talk = await pair();
    const stranger = await platform.peers.addPerson();
    const client = await connect(node, stranger);
    const foreign = messageFor(talk.conversation, [talk.a, talk.b]);
    expect(await client.send(foreign)).toMatchObject({ code: 'conversation.not-found' });
    await client.close();
  });

  test('ten thousand tiny frames are answered and harm nobody', async () => {
    const talk = await pair();
    const client = await connect(node, talk.a);
    const other = await connect(node, talk.b);
    const body = messageFor(talk.conversation, [talk.b]);
    await node.call(talk.a, sendMessage, { body });
    for (let count = 0; count < 10_000; count += 1) client.acknowledge(talk.conversation, 1);
    expect(await client.send(messageFor(talk.conversation, [talk.b]))).toMatchObject({ seq: 2 });
    assertGapless(await other.slotsUpTo(talk.conversation, 2), 1);
    await Promise.all([client.close(), other.close()]);
  });

  test('a flood of sends is bounded: what is too much is refused, and the rest is in order', async () => {
    const talk = await pair();
    const client = await connect(node, talk.a);
    const messages = Array.from({ length: 700 }, () => messageFor(talk.conversation, [talk.b]));
    const answers = await Promise.all(
      messages.map((message, index) => client.send(message, index + 1)),
    );
    const seqs = answers.flatMap((answer) => ('seq' in answer ? [answer.seq] : []));
    expect(seqs).toEqual(numbers(seqs.length).map(Number));
    const params = { id: talk.conversation };
    expect((await node.call(talk.a, getConversation, { params })).last).toBe(seqs.length);
    await client.close();
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

/** Asks for an upgrade as HTTP, to read an answer that is none. */
async function upgradeOverHttp(headers: Record<string, string>, path = SOCKET_PATH) {
  const { request } = await import('node:http');
  return new Promise<{ status: number; body: unknown }>((resolve, reject) => {
    const asking = request(`${node.url}${path}`, {
      headers: {
        ...headers,
        connection: 'Upgrade',
        upgrade: 'websocket',
        'sec-websocket-version': '13',
        'sec-websocket-key': randomBytes(16).toString('base64'),
      },
    });
    asking.on('response', (response) => {
      let text = '';
      response.on('data', (part) => {
        text += part;
      });
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, body: JSON.parse(text) }),
      );
    });
    asking.on('error', reject);
    asking.end();
  });
}
