import { CLOSE_CODES, listConversations } from '@sotto/api';
import { type Bus, createMemoryBus } from '@sotto/runtime';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Platform, startPlatform } from './nodes.ts';
import { connect, openSocket } from './socket-client.ts';
import { startTalk } from './talk.ts';

/** The twentieth goes nineteen gaps of ten milliseconds after the first, less what timers are off. */
const GAPS_MS = 180;

let platform: Platform;
const bus: Bus = createMemoryBus();

beforeAll(async () => {
  platform = await startPlatform(bus);
});

afterAll(async () => {
  await platform.close();
  await bus.close();
});

test('a node that drains sends its sockets away one by one, and answers requests meanwhile', async () => {
  const node = await platform.startNode(bus);
  const { a } = await startTalk(platform, node);
  const devices = await Promise.all(Array.from({ length: 20 }, () => platform.peers.addDevice(a)));
  const clients = await Promise.all(devices.map((device) => connect(node, device)));
  const ends = clients.map(async ({ closed }) => ({ ...(await closed), at: performance.now() }));
  let isOver = false;
  const started = performance.now();
  const drained = node.service.drain().then(() => {
    isOver = true;
  });
  const late = openSocket(node, { authorization: `Bearer ${a.token}` });
  expect((await fetch(`${node.url}/health/ready`)).status).toBe(503);
  const { conversations } = await node.call(a, listConversations, { query: { limit: 10 } });
  expect(conversations).toHaveLength(1);
  expect((await late.closed).code).toBe(1006);
  expect(isOver).toBe(false);
  const closed = await Promise.all(ends);
  expect(new Set(closed.map(({ code }) => code))).toEqual(new Set([CLOSE_CODES.draining]));
  expect(Math.max(...closed.map(({ at }) => at)) - started).toBeGreaterThan(GAPS_MS);
  await drained;
  await node.close();
});

test('a node without sockets has nothing to drain', async () => {
  const node = await platform.startNode(bus);
  await node.service.drain();
  await node.close();
});
