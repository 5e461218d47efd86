/** A node that lost sight of the fan-out log: cut off, or because the log was made anew. Its sockets miss nothing. */
import { type Bus, openNatsBus } from '@sotto/runtime';
import { cuttableWire, testNats } from '@sotto/runtime/testing';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { textsOf } from './messages.ts';
import { type Node, type Platform, startPlatform } from './nodes.ts';
import { assertGapless, connect, type SocketClient } from './socket-client.ts';
import { numbers, sendAll, startTalk, type Talk } from './talk.ts';

const nats = testNats();
const buses: Bus[] = [];
let wire: Awaited<ReturnType<typeof cuttableWire>>;
let platform: Platform;
let one: Node;
let two: Node;

beforeAll(async () => {
  wire = await cuttableWire(nats.url);
  const open = async (url = nats.url) => {
    const bus = await openNatsBus({ ...nats, url });
    buses.push(bus);
    return bus;
  };
  platform = await startPlatform(await open());
  one = await platform.startNode(await open());
  two = await platform.startNode(await open(wire.url));
});

afterAll(async () => {
  await platform.close();
  await Promise.all(buses.map((bus) => bus.close()));
  await wire.close();
  await nats.close();
});

/** Somebody who writes at the first node to somebody who reads at the second; the first message has arrived. */
async function begin(): Promise<{ talk: Talk; here: SocketClient; there: SocketClient }> {
  const talk = await startTalk(platform, one);
  const [here, there] = [await connect(one, talk.a), await connect(two, talk.b)];
  await sendAll(here, talk, ['1']);
  await there.slotsUpTo(talk.conversation, 1);
  return { talk, here, there };
}

async function assertAll(there: SocketClient, { conversation }: Talk, last: number): Promise<void> {
  // A clock that is late by more than this is not how they came: a lost one shows with the next heads, after 25 s.
  const slots = await there.slotsUpTo(conversation, last, 10_000);
  assertGapless(slots, 1);
  expect(textsOf(slots)).toEqual(numbers(last));
}

test('what was stored while a node was cut off reaches its sockets once it is back', async () => {
  const { talk, here, there } = await begin();
  wire.cut();
  await sendAll(here, talk, numbers(20, 2));
  wire.restore();
  await assertAll(there, talk, 21);
  await sendAll(here, talk, numbers(5, 22));
  await assertAll(there, talk, 26);
  await Promise.all([here.close(), there.close()]);
});

test('and so does what was stored while nothing came through, and nobody was told', async () => {
  const { talk, here, there } = await begin();
  wire.silence();
  await sendAll(here, talk, numbers(20, 2));
  // The node finds out by itself, and connects anew.
  await assertAll(there, talk, 21);
  await Promise.all([here.close(), there.close()]);
});

test('and what was stored while the log was wiped, and made anew with as many messages', async () => {
  const { talk, here, there } = await begin();
  wire.cut();
  await nats.close();
  await sendAll(here, talk, numbers(20, 2));
  // Made anew by the first node, so that its numbers go on below and above where the second one was.
  await vi.waitFor(
    async () => {
      const rows = await platform.database.query.selectFrom('fanout_outbox').select('id').execute();
      expect(rows).toEqual([]);
    },
    { timeout: 15_000 },
  );
  wire.restore();
  await assertAll(there, talk, 21);
  await sendAll(here, talk, numbers(5, 22));
  await assertAll(there, talk, 26);
  await Promise.all([here.close(), there.close()]);
});
