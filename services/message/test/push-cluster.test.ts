/** Wake-ups over a real NATS: one node takes each batch, whichever committed it, and takes up what another left. */
import { acceptConversation, sendMessage, subscribePush, unsubscribePush } from '@sotto/api';
import { type Bus, openNatsBus } from '@sotto/runtime';
import { testNats } from '@sotto/runtime/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { messageFor } from './messages.ts';
import { type Node, type Platform, startPlatform } from './nodes.ts';
import type { Person } from './peers.ts';
import { type PushServer, startPushServer } from './push-server.ts';
import { startTalk, type Talk } from './talk.ts';

const nats = testNats();
const buses: Bus[] = [];
let platform: Platform;
let one: Node;
let two: Node;
let server: PushServer;

async function openBus(): Promise<Bus> {
  const bus = await openNatsBus(nats);
  buses.push(bus);
  return bus;
}

const startNode = async () =>
  platform.startNode(await openBus(), {
    push: { enabled: true, hosts: [server.host], allowPrivate: true, ca: server.ca },
  });

beforeAll(async () => {
  server = await startPushServer();
  platform = await startPlatform(await openBus());
  one = await startNode();
  two = await startNode();
});

afterAll(async () => {
  await platform.close();
  await Promise.all(buses.map((bus) => bus.close()));
  await nats.close();
  await server.close();
});

/** Somebody who is away, and somebody who writes to them. */
async function startWaiting(path: string): Promise<Talk> {
  const talk = await startTalk(platform, one);
  await one.call(talk.b, acceptConversation, { params: { id: talk.conversation } });
  await one.call(talk.b, subscribePush, { body: { endpoint: server.endpoint(path) } });
  return talk;
}

const send = (node: Node, { a, conversation }: Talk, b: Person, text = 'hello') =>
  node.call(a, sendMessage, { body: messageFor(conversation, [b], { text }) });

test('a device is woken once, by messages of both nodes, or by one that travels as a reference', async () => {
  const talk = await startWaiting('/both');
  await Promise.all([send(one, talk, talk.b), send(two, talk, talk.b)]);
  await server.waitFor('/both');
  const { a, b, conversation } = await startWaiting('/reference');
  await one.call(b, unsubscribePush, {});
  await send(one, { a, b, conversation }, b);
  await one.call(b, subscribePush, { body: { endpoint: server.endpoint('/reference') } });
  // As a node leaves it that dies behind its commit.
  await platform.database.pool.query(
    `insert into fanout_outbox (conversations, firsts, lasts, created_at)
     values (array[$1::uuid], '{1}', '{1}', now() - interval '1 minute')`,
    [conversation],
  );
  await server.waitFor('/reference');
  expect(server.requests.filter(({ path }) => path === '/both')).toHaveLength(1);
});

test('what comes while no node reads the log is not forgotten', async () => {
  const talk = await startWaiting('/later');
  // This one reads no log for wake-ups, and is all that is left.
  const push = { enabled: false, hosts: [], allowPrivate: false };
  const plain = await platform.startNode(await openBus(), { push });
  await Promise.all([one.close(), two.close()]);
  await send(plain, talk, talk.b);
  const started = await startNode();
  await server.waitFor('/later');
  await started.close();
});
