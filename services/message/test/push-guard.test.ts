/** A platform that is led to a machine of its own network does not even connect; and one that wakes nobody says so. */
import {
  acceptConversation,
  getPushKey,
  sendMessage,
  subscribePush,
  unsubscribePush,
} from '@sotto/api';
import { createMemoryBus } from '@sotto/runtime';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { messageFor } from './messages.ts';
import { type Node, type Platform, startPlatform } from './nodes.ts';
import { type PushServer, startPushServer } from './push-server.ts';
import { startTalk } from './talk.ts';

let platform: Platform;
let server: PushServer;
const bus = createMemoryBus();

beforeEach(async () => {
  server = await startPushServer();
  platform = await startPlatform(bus);
});

afterEach(async () => {
  await platform.close();
  await server.close();
});

/** Resolves when a node has refrained from a request. */
function forbidden(node: Node): Promise<void> {
  return vi.waitFor(async () => {
    const metrics = await node.service.fetch(new Request('http://message/metrics'));
    expect(await metrics.text()).toMatch(/push_wakeups_total\{.*outcome="forbidden".*\} 1$/m);
  }, 10_000);
}

test.each(['localhost', '127.0.0.1'])(
  'a listed host that is %s gets no connection',
  async (name) => {
    const [, port = ''] = server.host.split(':');
    const push = { enabled: true, hosts: [`${name}:${port}`], allowPrivate: false, ca: server.ca };
    const node = await platform.startNode(bus, { push });
    const { a, b, conversation } = await startTalk(platform, node);
    await node.call(b, acceptConversation, { params: { id: conversation } });
    await node.call(b, subscribePush, { body: { endpoint: `https://${name}:${port}/` } });
    await node.call(a, sendMessage, { body: messageFor(conversation, [b]) });
    await forbidden(node);
    expect(server.connections()).toBe(0);
    await vi.waitFor(async () => {
      const { rows } = await platform.database.pool.query(
        'select due_at, woken_at from push_subscriptions',
      );
      expect(rows).toEqual([{ due_at: null, woken_at: null }]);
    }, 20_000);
  },
);

test('a host that has been taken off the list gets no connection either', async () => {
  const push = { enabled: true, hosts: [server.host], allowPrivate: true, ca: server.ca };
  const before = await platform.startNode(bus, { push });
  const { a, b, conversation } = await startTalk(platform, before);
  await before.call(b, acceptConversation, { params: { id: conversation } });
  await before.call(b, subscribePush, { body: { endpoint: server.endpoint('/') } });
  await before.close();
  const node = await platform.startNode(bus, { push: { ...push, hosts: [] } });
  await node.call(a, sendMessage, { body: messageFor(conversation, [b]) });
  await forbidden(node);
  expect(server.connections()).toBe(0);
});

test('an authority that is not believed is not talked to', async () => {
  const push = { enabled: true, hosts: [server.host], allowPrivate: true };
  const node = await platform.startNode(bus, { push });
  const { a, b, conversation } = await startTalk(platform, node);
  await node.call(b, acceptConversation, { params: { id: conversation } });
  await node.call(b, subscribePush, { body: { endpoint: server.endpoint('/') } });
  await node.call(a, sendMessage, { body: messageFor(conversation, [b]) });
  await vi.waitFor(() => expect(server.connections()).toBeGreaterThan(0), 10_000);
  await vi.waitFor(async () => {
    const { rows } = await platform.database.pool.query(
      'select attempts, due_at > now() as waits from push_subscriptions where woken_at is null',
    );
    expect(rows).toEqual([{ attempts: 1, waits: true }]);
  }, 20_000);
  expect(server.requests).toEqual([]);
});

test('a platform that wakes nobody has no key and takes no subscription', async () => {
  const push = { enabled: false, hosts: [server.host], allowPrivate: true };
  const node = await platform.startNode(bus, { push });
  const { b } = await startTalk(platform, node);
  await expect(node.call(b, getPushKey, {})).rejects.toMatchObject({ code: 'push.off' });
  const body = { endpoint: server.endpoint('/') };
  await expect(node.call(b, subscribePush, { body })).rejects.toMatchObject({ code: 'push.off' });
  await node.call(b, unsubscribePush, {});
});
