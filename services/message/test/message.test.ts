/** The message service through its HTTP operations, on a real PostgreSQL. */

import { randomUUID } from 'node:crypto';
import {
  ApiError,
  acknowledgeMessage,
  type ConversationId,
  ConversationId as ConversationIdSchema,
  createConversation,
  getConversation,
  inbox,
  listConversations,
  listMessages,
  type ProblemCode,
  searchUsers,
  sendMessage,
  UserId,
} from '@sotto/api';
import { findMembership } from '@sotto/api/internal';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { messageFor, newId, openConversation, textsOf } from './messages.ts';
import { type Node, type Platform, startPlatform } from './nodes.ts';
import type { Person } from './peers.ts';
import { assertGapless } from './socket-client.ts';

let platform: Platform;
let node: Node;

beforeAll(async () => {
  platform = await startPlatform();
  node = await platform.startNode();
});

afterAll(() => platform.close());

async function pair(): Promise<{ a: Person; b: Person; conversation: ConversationId }> {
  const [a, b] = await Promise.all([platform.peers.addPerson(), platform.peers.addPerson()]);
  return { a, b, conversation: await openConversation(node, a, b) };
}

async function refusal(work: Promise<unknown>): Promise<ApiError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ApiError)) throw new Error('it was not refused', { cause: error });
  return error;
}

async function code(work: Promise<unknown>): Promise<ProblemCode> {
  return (await refusal(work)).code;
}

describe('conversations', () => {
  test('two users have one direct conversation, whoever opens it and however often at once', async () => {
    const [a, b] = await Promise.all([platform.peers.addPerson(), platform.peers.addPerson()]);
    const opened = await Promise.all(
      Array.from({ length: 12 }, (_, index) =>
        index % 2 === 0 ? openConversation(node, a, b) : openConversation(node, b, a),
      ),
    );
    expect(new Set(opened).size).toBe(1);
    const listed = await node.call(a, listConversations, { query: { limit: 10 } });
    expect(listed.conversations).toMatchObject([
      {
        id: opened[0],
        kind: 'direct',
        members: [a.user, b.user].sort(),
        first: 1,
        last: 0,
        cursor: 0,
      },
    ]);
  });

  test('a conversation with oneself or with nobody is refused', async () => {
    const a = await platform.peers.addPerson();
    const self = { kind: 'direct', with: a.user } as const;
    expect(await code(node.call(a, createConversation, { body: self }))).toBe('request.invalid');
    const nobody = { kind: 'direct', with: UserId.parse(randomUUID()) } as const;
    expect(await code(node.call(a, createConversation, { body: nobody }))).toBe(
      'conversation.member-unknown',
    );
  });

  test('a stranger finds nothing anywhere', async () => {
    const { a, b, conversation } = await pair();
    const stranger = await platform.peers.addPerson();
    const message = messageFor(conversation, [b]);
    await node.call(a, sendMessage, { body: message });
    const params = { id: conversation };
    const query = { limit: 10 };
    expect(await code(node.call(stranger, getConversation, { params }))).toBe(
      'conversation.not-found',
    );
    expect(await code(node.call(stranger, listMessages, { params, query }))).toBe(
      'conversation.not-found',
    );
    const body = messageFor(conversation, [a, b]);
    expect(await code(node.call(stranger, sendMessage, { body }))).toBe('conversation.not-found');
    expect(
      await code(node.call(stranger, acknowledgeMessage, { params: { id: message.id } })),
    ).toBe('message.not-found');
    expect((await node.call(stranger, inbox, { query })).messages).toEqual([]);
    expect((await node.call(stranger, listConversations, { query })).conversations).toEqual([]);
  });

  test('a conversation that does not exist is not found', async () => {
    const { a, b } = await pair();
    const body = messageFor(ConversationIdSchema.parse(randomUUID()), [b]);
    expect(await code(node.call(a, sendMessage, { body }))).toBe('conversation.not-found');
  });

  test('other services learn who is a member', async () => {
    const { a, conversation } = await pair();
    const stranger = await platform.peers.addPerson();
    const ask = (user_id: UserId) =>
      node.call(undefined, findMembership, { params: { conversation_id: conversation, user_id } });
    expect(await ask(a.user)).toEqual({ member: true });
    expect(await ask(stranger.user)).toEqual({ member: false });
  });
});

describe('sending', () => {
  test('messages take the places of their conversation one after the other', async () => {
    const { a, b, conversation } = await pair();
    const seqs: number[] = [];
    for (let count = 0; count < 5; count += 1) {
      const body = messageFor(conversation, [b]);
      seqs.push((await node.call(a, sendMessage, { body })).seq);
    }
    expect(seqs).toEqual([1, 2, 3, 4, 5]);
  });

  test('the same message again gets the same answer and takes no place', async () => {
    const { a, b, conversation } = await pair();
    const body = messageFor(conversation, [b]);
    const [first, ...again] = await Promise.all(
      Array.from({ length: 8 }, () => node.call(a, sendMessage, { body })),
    );
    for (const answer of again) expect(answer).toEqual(first);
    const next = await node.call(a, sendMessage, { body: messageFor(conversation, [b]) });
    expect(next.seq).toBe((first?.seq ?? 0) + 1);
  });

  test('the order in which recipients are named does not matter', async () => {
    const { a, b, conversation } = await pair();
    const second = await platform.peers.addDevice(b);
    const body = messageFor(conversation, [b, second]);
    const first = await node.call(a, sendMessage, { body });
    const turned = { ...body, recipients: body.recipients.toReversed() };
    expect(await node.call(a, sendMessage, { body: turned })).toEqual(first);
  });

  test('an id that was used for other content is a conflict, and stores nothing', async () => {
    const { a, b, conversation } = await pair();
    const body = messageFor(conversation, [b]);
    await node.call(a, sendMessage, { body });
    const other = messageFor(conversation, [b], { id: body.id });
    expect(await code(node.call(a, sendMessage, { body: other }))).toBe('message.id-conflict');
    const params = { id: conversation };
    expect((await node.call(a, getConversation, { params })).last).toBe(1);
  });

  test('two devices may use the same id', async () => {
    const { a, b, conversation } = await pair();
    const id = newId();
    const first = await node.call(a, sendMessage, { body: messageFor(conversation, [b], { id }) });
    const second = await node.call(b, sendMessage, { body: messageFor(conversation, [a], { id }) });
    expect([first.seq, second.seq]).toEqual([1, 2]);
  });

  test('a direct message is for exactly the devices of both, and a refusal says which', async () => {
    const { a, b, conversation } = await pair();
    const [ownOther, second] = [
      await platform.peers.addDevice(a),
      await platform.peers.addDevice(b),
    ];
    const stranger = await platform.peers.addPerson();
    const body = messageFor(conversation, [b, stranger]);
    const error = await refusal(node.call(a, sendMessage, { body }));
    expect(error.code).toBe('message.devices-stale');
    const { missing, unknown } = error.options.devices ?? {};
    expect(unknown).toEqual([stranger.device]);
    expect(new Set(missing?.map(({ user, device }) => `${user} ${device}`))).toEqual(
      new Set([`${a.user} ${ownOther.device}`, `${b.user} ${second.device}`]),
    );
    const complete = messageFor(conversation, [b, ownOther, second], { id: body.id });
    expect((await node.call(a, sendMessage, { body: complete })).seq).toBe(1);
  });

  test('a message to the sending device itself is refused', async () => {
    const { a, b, conversation } = await pair();
    const error = await refusal(
      node.call(a, sendMessage, { body: messageFor(conversation, [a, b]) }),
    );
    expect(error.options.devices).toEqual({ missing: [], unknown: [a.device] });
  });

  test('a device that was named twice makes the request invalid', async () => {
    const { a, b, conversation } = await pair();
    const body = messageFor(conversation, [b, b]);
    expect(await code(node.call(a, sendMessage, { body }))).toBe('request.invalid');
  });

  test('a targeted message goes to any devices of members, and to no others', async () => {
    const { a, b, conversation } = await pair();
    const second = await platform.peers.addDevice(b);
    const kind = 'targeted';
    const some = messageFor(conversation, [second], { kind });
    expect((await node.call(a, sendMessage, { body: some })).seq).toBe(1);
    const stranger = await platform.peers.addPerson();
    const wrong = messageFor(conversation, [second, stranger], { kind });
    const error = await refusal(node.call(a, sendMessage, { body: wrong }));
    expect(error.options.devices).toEqual({ missing: [], unknown: [stranger.device] });
  });

  test('a device that no event told of is found by asking its owner', async () => {
    const { a, b, conversation } = await pair();
    await node.call(a, sendMessage, { body: messageFor(conversation, [b]) });
    const second = await platform.peers.addDevice(b, { publish: false });
    platform.peers.changeSilently(b.user, [b.device, second.device]);
    const body = messageFor(conversation, [b, second]);
    expect((await node.call(a, sendMessage, { body })).seq).toBe(2);
  });

  test('a stored message keeps its answer when the devices have changed since', async () => {
    const { a, b, conversation } = await pair();
    const body = messageFor(conversation, [b]);
    const first = await node.call(a, sendMessage, { body });
    await platform.peers.addDevice(b);
    expect(await node.call(a, sendMessage, { body })).toEqual(first);
    const fresh = messageFor(conversation, [b]);
    expect(await code(node.call(a, sendMessage, { body: fresh }))).toBe('message.devices-stale');
  });

  test('a key service that is down is told as such, and nothing is lost', async () => {
    const { a, b, conversation } = await pair();
    const stranger = await platform.peers.addPerson();
    const body = messageFor(conversation, [stranger]);
    platform.peers.isKeyDown = true;
    try {
      expect(await code(node.call(a, sendMessage, { body }))).toBe('service.unavailable');
    } finally {
      platform.peers.isKeyDown = false;
    }
    expect((await node.call(a, sendMessage, { body: messageFor(conversation, [b]) })).seq).toBe(1);
  });
});

describe('history', () => {
  async function talk(count: number) {
    const people = await pair();
    const { a, b, conversation } = people;
    for (let index = 1; index <= count; index += 1) {
      const [from, to] = index % 3 === 0 ? [b, a] : [a, b];
      await node.call(from, sendMessage, {
        body: messageFor(conversation, [to], { text: String(index) }),
      });
    }
    return people;
  }

  test('pages forwards and backwards cover every place once', async () => {
    const { b, conversation } = await talk(10);
    const params = { id: conversation };
    const forwards = await node.call(b, listMessages, { params, query: { after: 0, limit: 4 } });
    assertGapless(forwards.slots, 1);
    expect(textsOf(forwards.slots)).toEqual(['1', '2', '4']);
    const rest = await node.call(b, listMessages, { params, query: { after: 4, limit: 100 } });
    assertGapless(rest.slots, 5);
    expect(textsOf(rest.slots)).toEqual(['5', '7', '8', '10']);
    const backwards = await node.call(b, listMessages, { params, query: { before: 9, limit: 4 } });
    assertGapless(backwards.slots, 5);
    expect(textsOf(backwards.slots)).toEqual(['5', '7', '8']);
    expect(forwards).toMatchObject({ first: 1, last: 10, incarnation: 1 });
    const none = await node.call(b, listMessages, { params, query: { after: 10, limit: 4 } });
    expect(none.slots).toEqual([]);
  });

  test('places without anything for a device are one empty run', async () => {
    const { a, conversation } = await talk(5);
    const params = { id: conversation };
    const { slots } = await node.call(a, listMessages, { params, query: { limit: 100 } });
    expect(slots).toMatchObject([
      { type: 'none', from: 1, to: 2 },
      { type: 'message', seq: 3 },
      { type: 'none', from: 4, to: 5 },
    ]);
  });

  test('a page is bounded in bytes, and the next one goes on', async () => {
    const { a, b, conversation } = await pair();
    const text = 'x'.repeat(90_000);
    for (let index = 0; index < 20; index += 1) {
      await node.call(a, sendMessage, { body: messageFor(conversation, [b], { text }) });
    }
    const params = { id: conversation };
    const first = await node.call(b, listMessages, { params, query: { limit: 100 } });
    assertGapless(first.slots, 1);
    expect(first.slots.length).toBeGreaterThan(8);
    expect(first.slots.length).toBeLessThan(15);
    const query = { after: first.slots.length, limit: 100 };
    const second = await node.call(b, listMessages, { params, query });
    assertGapless(second.slots, first.slots.length + 1);
    expect(first.slots.length + second.slots.length).toBe(20);
  });

  test('a new device starts at the places of now, and misses nothing that is for it', async () => {
    const { a, b, conversation } = await talk(6);
    const second = await platform.peers.addDevice(b);
    const list = await node.call(second, listConversations, { query: { limit: 10 } });
    expect(list.conversations).toMatchObject([{ id: conversation, cursor: 6, last: 6 }]);
    const body = messageFor(conversation, [b, second], { text: 'for both' });
    await node.call(a, sendMessage, { body });
    const { messages } = await node.call(second, inbox, { query: { limit: 10 } });
    expect(messages).toMatchObject([{ seq: 7, conversation }]);
  });
});

describe('the inbox', () => {
  test('holds what was not acknowledged, oldest first over all conversations', async () => {
    const me = await platform.peers.addPerson();
    const others = [await platform.peers.addPerson(), await platform.peers.addPerson()];
    const rooms: ConversationId[] = [];
    for (const other of others) rooms.push(await openConversation(node, other, me));
    const sent = [];
    for (const turn of [0, 1, 1, 0]) {
      const [other, room] = [others[turn], rooms[turn]];
      if (other === undefined || room === undefined) throw new Error('not set up');
      const body = messageFor(room, [me]);
      await node.call(other, sendMessage, { body });
      sent.push(body.id);
    }
    const read = async () => {
      const { messages } = await node.call(me, inbox, { query: { limit: 10 } });
      return messages.map((message) => message.id);
    };
    expect(await read()).toEqual(sent);
    await node.call(me, acknowledgeMessage, { params: { id: sent[1] ?? newId() } });
    expect(await read()).toEqual([sent[0], sent[2], sent[3]]);
    // The second acknowledgement of a conversation covers all before it.
    await node.call(me, acknowledgeMessage, { params: { id: sent[3] ?? newId() } });
    expect(await read()).toEqual([sent[2]]);
  });

  test("a sender who repeats another one's id makes nobody skip a message", async () => {
    const me = await platform.peers.addPerson();
    const [honest, hostile] = [await platform.peers.addPerson(), await platform.peers.addPerson()];
    const [room, trap] = [
      await openConversation(node, honest, me),
      await openConversation(node, hostile, me),
    ];
    const first = messageFor(room, [me]);
    await node.call(honest, sendMessage, { body: first });
    const repeated = messageFor(trap, [me], { id: first.id });
    await node.call(hostile, sendMessage, { body: repeated });
    await node.call(me, acknowledgeMessage, { params: { id: first.id } });
    const { messages } = await node.call(me, inbox, { query: { limit: 10 } });
    expect(messages).toMatchObject([{ conversation: trap }]);
    await node.call(me, acknowledgeMessage, { params: { id: first.id } });
    expect((await node.call(me, inbox, { query: { limit: 10 } })).messages).toEqual([]);
  });
});

describe('the directory', () => {
  test('finds users by the first letters of their names, without case', async () => {
    const person = await platform.peers.addPerson('Quixotic99');
    const other = await platform.peers.addPerson();
    await openConversation(node, other, person);
    const search = (name: string) => node.call(other, searchUsers, { query: { name, limit: 10 } });
    const found = { users: [{ user: person.user, username: 'Quixotic99' }] };
    expect(await search('qUi')).toEqual(found);
    expect(await search('quixotic99')).toEqual(found);
    expect(await search('quixotic999')).toEqual({ users: [] });
    expect(await search('%_%')).toEqual({ users: [] });
  });
});
