/** Devices that are not connected are woken through their push service, and no more often or for less than they should. */
import { createPublicKey, randomUUID, verify } from 'node:crypto';
import {
  acceptConversation,
  blockUser,
  getPushKey,
  muteConversation,
  sendMessage,
  subscribePush,
  unsubscribePush,
} from '@sotto/api';
import { exportMessages } from '@sotto/api/internal';
import { createMemoryBus, publishEvent } from '@sotto/runtime';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { addPeople, Group } from './groups.ts';
import { messageFor } from './messages.ts';
import { type Node, type Platform, startPlatform } from './nodes.ts';
import type { Person } from './peers.ts';
import { type PushServer, startPushServer } from './push-server.ts';
import { connect } from './socket-client.ts';
import { startTalk, type Talk } from './talk.ts';

let platform: Platform;
let node: Node;
let other: Node;
let server: PushServer;
const bus = createMemoryBus();

beforeAll(async () => {
  server = await startPushServer();
  platform = await startPlatform(bus);
  node = await platform.startNode(bus, { push: settings() });
  other = await platform.startNode(bus, { push: settings() });
});

afterAll(async () => {
  await platform.close();
  await bus.close();
  await server.close();
});

const settings = () => ({
  enabled: true,
  hosts: [server.host],
  allowPrivate: true,
  ca: server.ca,
  contact: 'mailto:operator@example.org',
});

/** Two who know each other. */
async function startFriends(): Promise<Talk> {
  const talk = await startTalk(platform, node);
  await node.call(talk.b, acceptConversation, { params: { id: talk.conversation } });
  return talk;
}

/** Subscribes a device under a path of its own. */
async function subscribe(person: Person, path = `/${randomUUID()}`): Promise<string> {
  await node.call(person, subscribePush, { body: { endpoint: server.endpoint(path) } });
  return path;
}

function send({ a, b, conversation }: Talk, urgent?: boolean, from = node) {
  const body = { ...messageFor(conversation, [b]), ...(urgent && { urgent }) };
  return from.call(a, sendMessage, { body });
}

/** Resolves once everything that was committed before has been looked at: wake-ups come in the order of the log. */
async function settled(): Promise<void> {
  const talk = await startFriends();
  const path = await subscribe(talk.b);
  await send(talk);
  await server.waitFor(path);
}

const requestsFor = (path: string) => server.requests.filter((request) => request.path === path);

interface Row {
  due_at: Date | null;
  woken_at: Date | null;
  attempts: number;
}
async function rowOf({ device }: Person): Promise<Row | undefined> {
  const { rows } = await platform.database.pool.query<Row>(
    'select * from push_subscriptions where device = $1',
    [device],
  );
  return rows[0];
}

test('a device that is away is woken by a signed request without content', async () => {
  const talk = await startFriends();
  const path = await subscribe(talk.b);
  await send(talk);
  const [pushed] = await server.waitFor(path);
  expect(pushed).toMatchObject({
    method: 'POST',
    bytes: 0,
    headers: { ttl: '86400', urgency: 'normal', topic: 'wake', 'content-length': '0' },
  });
  const [, token = '', key = ''] =
    /^vapid t=([\w.-]+), k=([\w-]+)$/.exec(pushed?.headers.authorization ?? '') ?? [];
  const published = await other.call(talk.b, getPushKey, {});
  expect(key).toBe(Buffer.from(published.key).toString('base64url'));
  expect(published.key).toHaveLength(65);
  const [head = '', claims = '', signature = ''] = token.split('.');
  const point = Buffer.from(published.key);
  const [x, y] = [point.subarray(1, 33), point.subarray(33)].map((half) =>
    half.toString('base64url'),
  );
  const jwk = { kty: 'EC', crv: 'P-256', x: x ?? '', y: y ?? '' };
  const verifying = {
    key: createPublicKey({ key: jwk, format: 'jwk' }),
    dsaEncoding: 'ieee-p1363',
  } as const;
  const signed = Buffer.from(signature, 'base64url');
  expect(verify('sha256', Buffer.from(`${head}.${claims}`), verifying, signed)).toBe(true);
  const said = JSON.parse(Buffer.from(claims, 'base64url').toString());
  expect(said).toMatchObject({
    aud: `https://${server.host}`,
    sub: 'mailto:operator@example.org',
  });
  expect(said.exp * 1000).toBeGreaterThan(Date.now());
  expect(said.exp * 1000).toBeLessThanOrEqual(Date.now() + 24 * 3_600_000);
});

describe('a device is woken once', () => {
  test('until it has been connected, however much comes and from whichever node', async () => {
    const talk = await startFriends();
    const path = await subscribe(talk.b);
    for (const from of [node, other, node]) await send(talk, false, from);
    await server.waitFor(path);
    await settled();
    expect(requestsFor(path)).toHaveLength(1);
    const socket = await connect(other, talk.b);
    await socket.slotsUpTo(talk.conversation, 3);
    socket.acknowledge(talk.conversation, 3);
    await vi.waitFor(async () => expect((await rowOf(talk.b))?.woken_at).toBeNull(), 20_000);
    await socket.close();
    await gone(talk.b);
    await send(talk);
    await server.waitFor(path, 2);
  });

  test('but at once for what is urgent', async () => {
    const talk = await startFriends();
    const path = await subscribe(talk.b);
    await send(talk);
    await server.waitFor(path);
    await send(talk, true);
    const [, second] = await server.waitFor(path, 2);
    expect(second?.headers.urgency).toBe('high');
    await send(talk, true);
    await settled();
    expect(requestsFor(path)).toHaveLength(2);
  });
});

/** Resolves when no node has a device any more. */
async function gone({ device }: Person): Promise<void> {
  await vi.waitFor(async () => {
    const { rows } = await platform.database.pool.query(
      'select 1 from connections where device = $1',
      [device],
    );
    expect(rows).toEqual([]);
  }, 20_000);
}

describe('nobody is woken', () => {
  async function expectQuiet(talk: Talk, path: string, urgent = false): Promise<void> {
    await send(talk, urgent);
    await settled();
    expect(requestsFor(path)).toEqual([]);
    expect((await rowOf(talk.b))?.due_at).toBeNull();
  }

  test.each(['this node', 'another one'])('who is connected, to %s', async (where) => {
    const talk = await startFriends();
    const path = await subscribe(talk.b);
    const socket = await connect(where === 'this node' ? node : other, talk.b);
    await vi.waitFor(async () => {
      const { rows } = await platform.database.pool.query(
        'select 1 from connections where device = $1',
        [talk.b.device],
      );
      expect(rows).toHaveLength(1);
    }, 20_000);
    await expectQuiet(talk, path);
    await socket.slotsUpTo(talk.conversation, 1);
    socket.acknowledge(talk.conversation, 1);
    await socket.close();
  });

  test('on the devices of the sender', async () => {
    const talk = await startFriends();
    const second = await platform.peers.addDevice(talk.a);
    const path = await subscribe(second);
    const body = messageFor(talk.conversation, [talk.b, second]);
    await node.call(talk.a, sendMessage, { body });
    await settled();
    expect(requestsFor(path)).toEqual([]);
  });

  test('who has muted the conversation, urgent or not, until that ends', async () => {
    const talk = await startFriends();
    const path = await subscribe(talk.b);
    const mute = (until: number) =>
      node.call(talk.b, muteConversation, {
        params: { id: talk.conversation },
        body: { until: new Date(until).toISOString() },
      });
    await mute(Date.now() + 60_000);
    await expectQuiet(talk, path);
    await expectQuiet(talk, path, true);
    await mute(Date.now() - 1);
    await send(talk);
    await server.waitFor(path);
  });

  test('by a stranger whom they have not accepted', async () => {
    const talk = await startTalk(platform, node);
    const path = await subscribe(talk.b);
    await expectQuiet(talk, path);
    await node.call(talk.b, acceptConversation, { params: { id: talk.conversation } });
    await send(talk);
    await server.waitFor(path);
  });

  test('by whom they have blocked', async () => {
    const talk = await startFriends();
    const path = await subscribe(talk.b);
    await node.call(talk.b, blockUser, { params: { user_id: talk.a.user } });
    await expectQuiet(talk, path);
  });

  test('who has taken the subscription back', async () => {
    const talk = await startFriends();
    const path = await subscribe(talk.b);
    await node.call(talk.b, unsubscribePush, {});
    await send(talk);
    await settled();
    expect(requestsFor(path)).toEqual([]);
  });
});

test('a group message wakes the devices of all its members but its sender, once each', async () => {
  const [a, b, c, d] = await addPeople(platform.peers, 4);
  if (!a || !b || !c || !d) throw new Error('no people');
  const group = new Group(platform.peers, a, [b, c, d]);
  await group.create(node, a);
  const second = await platform.peers.addDevice(b);
  const asleep = [await subscribe(b), await subscribe(second), await subscribe(c)];
  const quiet = [await subscribe(a), await subscribe(d)];
  for (const person of [b, c]) {
    await node.call(person, acceptConversation, { params: { id: group.id } });
  }
  // Of whom the group is a request still, and who wrote it.
  for (let times = 0; times < 2; times++) {
    await node.call(a, sendMessage, { body: group.message() });
  }
  for (const path of asleep) await server.waitFor(path);
  await settled();
  for (const path of asleep) expect(requestsFor(path)).toHaveLength(1);
  for (const path of quiet) expect(requestsFor(path)).toEqual([]);
});

test('a device that goes away with something unread is woken, and one that read it all is not', async () => {
  const [reads, leaves] = [await startFriends(), await startFriends()];
  const paths = [await subscribe(reads.b), await subscribe(leaves.b)];
  const sockets = await Promise.all([connect(node, reads.b), connect(node, leaves.b)]);
  await Promise.all([send(reads), send(leaves)]);
  await sockets[0]?.slotsUpTo(reads.conversation, 1);
  await sockets[1]?.slotsUpTo(leaves.conversation, 1);
  sockets[0]?.acknowledge(reads.conversation, 1);
  await sockets[0]?.close();
  // As a phone does that is out of reach: the other end hears no goodbye.
  sockets[1]?.socket.terminate();
  await server.waitFor(paths[1] ?? '');
  expect(requestsFor(paths[0] ?? '')).toEqual([]);
});

test('a device that goes away is not woken for what came from somebody blocked', async () => {
  const [blocks, hears] = [await startFriends(), await startFriends()];
  const paths = [await subscribe(blocks.b), await subscribe(hears.b)];
  const sockets = await Promise.all([connect(node, blocks.b), connect(node, hears.b)]);
  await node.call(blocks.b, blockUser, { params: { user_id: blocks.a.user } });
  await Promise.all([send(blocks), send(hears)]);
  await sockets[0]?.slotsUpTo(blocks.conversation, 1);
  await sockets[1]?.slotsUpTo(hears.conversation, 1);
  sockets[0]?.socket.terminate();
  await gone(blocks.b);
  sockets[1]?.socket.terminate();
  await server.waitFor(paths[1] ?? '');
  expect(requestsFor(paths[0] ?? '')).toEqual([]);
  expect(await rowOf(blocks.b)).toMatchObject({ due_at: null, woken_at: null });
});

test('to subscribe again does not make a device be woken again, unless under another address', async () => {
  const talk = await startFriends();
  const path = await subscribe(talk.b);
  await send(talk, true);
  await server.waitFor(path);
  await vi.waitFor(async () => expect(await rowOf(talk.b)).toMatchObject({ due_at: null }), 20_000);
  await subscribe(talk.b, path);
  await send(talk);
  await send(talk, true);
  await settled();
  expect(requestsFor(path)).toHaveLength(1);
  const another = await subscribe(talk.b);
  await send(talk);
  await server.waitFor(another);
});

describe('the push service', () => {
  test.each([404, 410])('ends a subscription by %i', async (status) => {
    const talk = await startFriends();
    const path = await subscribe(talk.b);
    server.answer(path, status);
    await send(talk);
    await vi.waitFor(async () => expect(await rowOf(talk.b)).toBeUndefined(), 10_000);
  });

  test('is asked again when it has too much to do', async () => {
    const talk = await startFriends();
    const path = await subscribe(talk.b);
    server.answer(path, 429, { 'retry-after': '1' });
    await send(talk);
    await server.waitFor(path);
    server.answer(path, 201);
    await server.waitFor(path, 2);
    await vi.waitFor(async () => {
      expect(await rowOf(talk.b)).toMatchObject({ due_at: null, attempts: 0 });
    }, 20_000);
    expect((await rowOf(talk.b))?.woken_at).toBeInstanceOf(Date);
  });

  test('is not asked again what it refuses, and its redirections lead nowhere', async () => {
    for (const [status, headers] of [
      [403, {}],
      [307, { location: server.endpoint('/elsewhere') }],
    ] as const) {
      const talk = await startFriends();
      const path = await subscribe(talk.b);
      server.answer(path, status, headers);
      await send(talk);
      await server.waitFor(path);
      await vi.waitFor(async () => {
        expect(await rowOf(talk.b)).toMatchObject({ due_at: null, woken_at: null });
      }, 20_000);
      expect(requestsFor(path)).toHaveLength(1);
    }
    expect(requestsFor('/elsewhere')).toEqual([]);
  });

  test('is one of those that are configured', async () => {
    const { b } = await startFriends();
    for (const endpoint of [
      'https://example.org/',
      'https://localhost/',
      `https://127.0.0.1:${server.host.split(':')[1]}/`,
      `https://user@${server.host}/`,
    ]) {
      await expect(node.call(b, subscribePush, { body: { endpoint } })).rejects.toMatchObject({
        code: 'push.endpoint-refused',
      });
    }
  });
});

test('what is due outlives the node that found it', async () => {
  const { b } = await startFriends();
  const path = await subscribe(b);
  await platform.database.pool.query(
    'update push_subscriptions set due_at = now() where device = $1',
    [b.device],
  );
  await server.waitFor(path);
});

test('a subscription is exported, and goes with its device or its account', async () => {
  const { a, b } = await startFriends();
  await subscribe(a);
  await subscribe(b);
  const params = { user_id: a.user };
  const { tables } = await node.call(undefined, exportMessages, { params });
  expect(tables.push_subscriptions).toMatchObject([{ device: a.device, user_id: a.user }]);
  const retired = { user: a.user, device: a.device };
  await publishEvent(bus, 'events.device.retired', retired, randomUUID());
  const deleted = { user: b.user, at: new Date().toISOString(), devices: [b.device] };
  await publishEvent(bus, 'events.account.deleted', deleted, randomUUID());
  await vi.waitFor(async () => {
    expect([await rowOf(a), await rowOf(b)]).toEqual([undefined, undefined]);
  }, 20_000);
});
