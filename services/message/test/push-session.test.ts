/** Nobody is woken on a device whose session has ended. */
import { randomUUID } from 'node:crypto';
import { SessionId, subscribePush } from '@sotto/api';
import { createMemoryBus, publishEvent } from '@sotto/runtime';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type Node, type Platform, startPlatform } from './nodes.ts';
import type { Person } from './peers.ts';

const HOST = 'push.example.org';
const bus = createMemoryBus();
let platform: Platform;
let node: Node;

beforeAll(async () => {
  platform = await startPlatform(bus);
  const push = { enabled: true, hosts: [HOST], allowPrivate: false };
  node = await platform.startNode(bus, { push });
});

afterAll(async () => {
  await platform.close();
  await bus.close();
});

test('a subscription goes with the session that made it, not with one that ended before', async () => {
  const [kept, ended] = [await subscribed(), await subscribed()];
  await end(kept, Date.now() - 60_000);
  await end(ended, Date.now() + 1000);
  await vi.waitFor(async () => expect(await countOf(ended)).toBe(0), 20_000);
  expect(await countOf(kept)).toBe(1);
});

async function subscribed(): Promise<Person> {
  const person = await platform.peers.addPerson();
  const endpoint = `https://${HOST}/${randomUUID()}`;
  await node.call(person, subscribePush, { body: { endpoint } });
  return person;
}

function end({ device }: Person, at: number): Promise<void> {
  const ended = { session: SessionId.parse(randomUUID()), at: new Date(at).toISOString(), device };
  return publishEvent(bus, 'events.session.revoked', ended, randomUUID());
}

async function countOf({ device }: Person): Promise<number> {
  const { rowCount } = await platform.database.pool.query(
    'select from push_subscriptions where device = $1',
    [device],
  );
  return rowCount ?? 0;
}
