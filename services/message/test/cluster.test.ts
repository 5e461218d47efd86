/** Two message services that share a database and a real NATS: what one commits reaches the sockets of the other. */
import {
  CLOSE_CODES,
  type ConversationId,
  createConversation,
  listMessages,
  sendMessage,
} from '@sotto/api';
import { FANOUT_SUBJECT } from '@sotto/api/internal';
import { type Bus, openNatsBus } from '@sotto/runtime';
import { testNats } from '@sotto/runtime/testing';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { messageFor, openConversation, textsOf } from './messages.ts';
import { type Node, type Platform, startPlatform } from './nodes.ts';
import type { Person } from './peers.ts';
import { assertGapless, connect } from './socket-client.ts';

const nats = testNats();
const buses: Bus[] = [];
let platform: Platform;
let one: Node;
let two: Node;

beforeAll(async () => {
  for (let count = 0; count < 3; count += 1) buses.push(await openNatsBus(nats));
  platform = await startPlatform(busAt(2));
  one = await platform.startNode(busAt(0));
  two = await platform.startNode(busAt(1));
});

afterAll(async () => {
  await platform.close();
  await Promise.all(buses.map((bus) => bus.close()));
  await nats.close();
});

function busAt(index: number): Bus {
  const bus = buses[index];
  if (bus === undefined) throw new Error('no such bus');
  return bus;
}

async function pair(): Promise<{ a: Person; b: Person; conversation: ConversationId }> {
  const [a, b] = await Promise.all([platform.peers.addPerson(), platform.peers.addPerson()]);
  return { a, b, conversation: await openConversation(one, a, b) };
}

const numbers = (count: number) => Array.from({ length: count }, (_, index) => String(index + 1));

async function outboxRows(): Promise<number> {
  const rows = await platform.database.query.selectFrom('fanout_outbox').select('id').execute();
  return rows.length;
}

test('two people on two nodes talk in one order, and the outbox empties', async () => {
  const { a, b, conversation } = await pair();
  const [here, there] = [await connect(one, a), await connect(two, b)];
  const [fromA, fromB] = await Promise.all([
    Promise.all(
      numbers(150).map((text) => here.send(messageFor(conversation, [b], { text: `a${text}` }))),
    ),
    Promise.all(
      numbers(150).map((text) => there.send(messageFor(conversation, [a], { text: `b${text}` }))),
    ),
  ]);
  const seqs = [...fromA, ...fromB].flatMap((answer) => ('seq' in answer ? [answer.seq] : []));
  expect(seqs.toSorted((x, y) => x - y)).toEqual(numbers(300).map(Number));
  const last = (answers: typeof fromA) => {
    const answer = answers.at(-1);
    return answer !== undefined && 'seq' in answer ? answer.seq : 0;
  };
  // A device's own last places are told by `stored`, so only the other's are waited for.
  expect(textsOf(await there.slotsUpTo(conversation, last(fromA)))).toEqual(
    numbers(150).map((text) => `a${text}`),
  );
  expect(textsOf(await here.slotsUpTo(conversation, last(fromB)))).toEqual(
    numbers(150).map((text) => `b${text}`),
  );
  await vi.waitFor(async () => expect(await outboxRows()).toBe(0), { timeout: 20_000 });
  await Promise.all([here.close(), there.close()]);
});

test('a device that connects to another node is disconnected from the first', async () => {
  const person = await platform.peers.addPerson();
  const first = await connect(one, person);
  const second = await connect(two, person);
  expect((await first.closed).code).toBe(CLOSE_CODES.replaced);
  await second.close();
});

test('a batch too large for the bus travels as references', async () => {
  const { a, b, conversation } = await pair();
  const [here, there] = [await connect(one, a), await connect(two, b)];
  const text = 'z'.repeat(95_000);
  await Promise.all(numbers(20).map(() => here.send(messageFor(conversation, [b], { text }))));
  const slots = await there.slotsUpTo(conversation, 20);
  assertGapless(slots, 1);
  expect(textsOf(slots)).toHaveLength(20);
  await Promise.all([here.close(), there.close()]);
});

test('a node that dies between commit and publication loses nothing: another one sweeps', async () => {
  const silent = await platform.startNode(mute(busAt(0)));
  const { a, b, conversation } = await pair();
  const there = await connect(two, b);
  await silent.call(a, sendMessage, {
    body: messageFor(conversation, [b], { text: 'left behind' }),
  });
  await silent.close();
  expect(textsOf(await there.slotsUpTo(conversation, 1, 10_000))).toEqual(['left behind']);
  await vi.waitFor(async () => expect(await outboxRows()).toBe(0), { timeout: 20_000 });
  await there.close();
});

test('an outbox that has grown beyond counting becomes one mark, at which all catch up', async () => {
  const silent = await platform.startNode(mute(busAt(0)));
  const { a, b, conversation } = await pair();
  const there = await connect(two, b);
  await silent.call(a, sendMessage, { body: messageFor(conversation, [b], { text: 'buried' }) });
  await silent.close();
  await platform.database.pool.query(
    `insert into fanout_outbox (conversations, firsts, lasts)
     select array[$1::uuid], array[1], array[1] from generate_series(1, 100001)`,
    [conversation],
  );
  expect(textsOf(await there.slotsUpTo(conversation, 1, 10_000))).toEqual(['buried']);
  await vi.waitFor(async () => expect(await outboxRows()).toBe(0), { timeout: 20_000 });
  await there.close();
});

test('a node that remembers old devices refuses what was encrypted for them', async () => {
  const { a, b, conversation } = await pair();
  for (const node of [one, two]) {
    await node.call(a, sendMessage, { body: messageFor(conversation, [b]) });
  }
  const second = await platform.peers.addDevice(b);
  await vi.waitFor(async () => {
    const copied = await platform.database.query
      .selectFrom('device_lists')
      .where('user_id', '=', b.user)
      .select('version')
      .executeTakeFirst();
    expect(copied?.version).toBe(2);
  }, 20_000);
  for (const node of [one, two]) {
    const refused = node.call(a, sendMessage, { body: messageFor(conversation, [b]) });
    await expect(refused).rejects.toMatchObject({
      code: 'message.devices-stale',
      options: { devices: { missing: [{ user: b.user, device: second.device }], unknown: [] } },
    });
    const body = messageFor(conversation, [b, second]);
    await expect(node.call(a, sendMessage, { body })).resolves.toMatchObject({ conversation });
  }
});

test('a message sent again to another node gets the answer of the first', async () => {
  const { a, b, conversation } = await pair();
  const body = messageFor(conversation, [b]);
  const answers = await Promise.all(
    [one, two, one, two].map((node) => node.call(a, sendMessage, { body })),
  );
  for (const answer of answers) expect(answer).toEqual(answers[0]);
  const { last } = await one.call(a, listMessages, {
    params: { id: conversation },
    query: { limit: 1 },
  });
  expect(last).toBe(1);
});

test('what a wiped log loses is read from the database', async () => {
  const { a, b, conversation } = await pair();
  const [here, there] = [await connect(one, a), await connect(two, b)];
  await here.send(messageFor(conversation, [b], { text: '1' }));
  await there.slotsUpTo(conversation, 1);
  await nats.close();
  const texts = numbers(20).slice(1);
  await Promise.all(texts.map((text) => here.send(messageFor(conversation, [b], { text }))));
  const slots = await there.slotsUpTo(conversation, 20, 20_000);
  assertGapless(slots, 1);
  expect(textsOf(slots)).toEqual(numbers(20));
  await Promise.all([here.close(), there.close()]);
});

test('two nodes open one conversation for two users', async () => {
  const [a, b] = await Promise.all([platform.peers.addPerson(), platform.peers.addPerson()]);
  const opened = await Promise.all(
    [one, two, one, two].map((node, index) => {
      const [from, to] = index < 2 ? [a, b] : [b, a];
      return node.call(from, createConversation, { body: { kind: 'direct', with: to.user } });
    }),
  );
  expect(new Set(opened.map(({ id }) => id)).size).toBe(1);
});

/** A bus on which no batch ever arrives, as when a node dies before it publishes. */
function mute(bus: Bus): Bus {
  return {
    ...bus,
    publish(subject, data, id) {
      if (subject !== FANOUT_SUBJECT) return bus.publish(subject, data, id);
      return Promise.reject(new Error('the node died'));
    },
  };
}
