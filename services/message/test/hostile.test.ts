/** Clients that count wrongly, send nonsense, or send too much. */
import { randomBytes, randomUUID } from 'node:crypto';
import { CLOSE_CODES, ConversationId, getConversation, sendMessage } from '@sotto/api';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { messageFor, openConversation } from './messages.ts';
import { type Node, type Platform, startPlatform } from './nodes.ts';
import { assertGapless, connect, type SocketClient } from './socket-client.ts';
import { numbers, startTalk, type Talk } from './talk.ts';

let platform: Platform;
let node: Node;

beforeAll(async () => {
  platform = await startPlatform();
  node = await platform.startNode();
});

afterAll(() => platform.close());

const pair = () => startTalk(platform, node);

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

  test('a socket that guesses conversations is closed, and others send on', async () => {
    const talk = await pair();
    const other = await connect(node, talk.b);
    const closing = closeOf(talk, (client) => {
      for (let count = 0; count < 512; count += 1) {
        const conversation = ConversationId.parse(randomUUID());
        client.post({ type: 'send', number: 1, message: messageFor(conversation, [talk.b]) });
      }
    });
    expect(await other.send(messageFor(talk.conversation, [talk.a]))).toMatchObject({ seq: 1 });
    expect(await closing).toEqual({ code: CLOSE_CODES.badFrame, reason: 'conversation.not-found' });
    await other.close();
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
