/** What stays and what goes when an account is deleted, and what a user may have of what is held about them. */
import { randomUUID } from 'node:crypto';
import {
  announcePresence,
  blockUser,
  listMessages,
  reportUser,
  searchUsers,
  sendMessage,
  subscribePush,
} from '@sotto/api';
import { exportMessages, findMembership } from '@sotto/api/internal';
import { createMemoryBus, publishEvent } from '@sotto/runtime';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { messageFor, textsOf } from './messages.ts';
import { type Node, type Platform, startPlatform } from './nodes.ts';
import type { Person } from './peers.ts';
import { startTalk } from './talk.ts';

let platform: Platform;
let node: Node;
const bus = createMemoryBus();

beforeAll(async () => {
  platform = await startPlatform(bus);
  const push = { enabled: true, hosts: ['push.example.org'], allowPrivate: false };
  node = await platform.startNode(bus, { push });
});

afterAll(async () => {
  await platform.close();
  await bus.close();
});

const at = new Date().toISOString();
const deletionOf = ({ user, device }: Person) => ({ user, at, devices: [device] });

async function erase(person: Person): Promise<void> {
  await publishEvent(bus, 'events.account.deleted', deletionOf(person), randomUUID());
  await vi.waitFor(async () => {
    const { rows } = await platform.database.pool.query(
      'select 1 from erased_users where user_id = $1 and erased_at is not null',
      [person.user],
    );
    expect(rows).toHaveLength(1);
  }, 20_000);
}

/** Every row of every table that names a value, as text. */
async function mentions(...values: string[]): Promise<string[]> {
  const { rows: tables } = await platform.database.pool.query<{ name: string }>(
    `select table_name as name from information_schema.tables
     where table_schema = current_schema and table_name not in ('erased_users', 'migrations')`,
  );
  const found = await Promise.all(
    tables.map(async ({ name: table }) => {
      const { rows } = await platform.database.pool.query(`select t::text as row from ${table} t`);
      const named = rows.filter(({ row }) => values.some((value) => row.includes(value)));
      return named.length > 0 ? [table] : [];
    }),
  );
  return found.flat();
}

test('a user who is erased leaves the directory and the conversation, and cannot be written to', async () => {
  const { a, b, conversation } = await startTalk(platform, node);
  await node.call(a, sendMessage, { body: messageFor(conversation, [b], { text: 'before' }) });
  await erase(a);
  const { users } = await node.call(b, searchUsers, { query: { name: a.username, limit: 10 } });
  expect(users).toEqual([]);
  const params = { conversation_id: conversation, user_id: a.user };
  expect(await node.call(undefined, findMembership, { params })).toEqual({ member: false });
  const late = messageFor(conversation, [a], { text: 'after' });
  await expect(node.call(b, sendMessage, { body: late })).rejects.toMatchObject({
    code: 'message.devices-stale',
  });
  // What was sent before is the reader's to keep.
  const history = await node.call(b, listMessages, {
    params: { id: conversation },
    query: { limit: 10 },
  });
  expect(textsOf(history.slots)).toEqual(['before']);
});

test('whatever a user has made here goes with the account', async () => {
  const [a, b] = await Promise.all([platform.peers.addPerson(), platform.peers.addPerson()]);
  await node.call(a, blockUser, { params: { user_id: b.user } });
  await node.call(b, blockUser, { params: { user_id: a.user } });
  await node.call(a, reportUser, { body: { user: b.user, reason: 'other', messages: [] } });
  await node.call(a, announcePresence, {});
  await node.call(a, subscribePush, { body: { endpoint: 'https://push.example.org/1' } });
  const named = ['blocks', 'presence', 'push_subscriptions', 'reports'];
  await vi.waitFor(
    async () => expect(await mentions(a.user)).toEqual(expect.arrayContaining(named)),
    20_000,
  );
  await erase(a);
  expect(await mentions(a.user, a.device)).toEqual([]);
});

test("what was written for the erased user's devices is cut out, and nothing else", async () => {
  const { a, b, conversation } = await startTalk(platform, node);
  const second = await platform.peers.addDevice(b);
  await node.call(b, sendMessage, {
    body: messageFor(conversation, [a, second], { text: 'for both' }),
  });
  expect(await mentions(a.device.replaceAll('-', ''))).toContain('messages');
  await erase(a);
  expect(await mentions(a.device, a.device.replaceAll('-', ''))).toEqual([]);
  const history = await node.call(second, listMessages, {
    params: { id: conversation },
    query: { limit: 10 },
  });
  expect(textsOf(history.slots)).toEqual(['for both']);
});

test('news of an erasure that comes in parts is taken in whole', async () => {
  const { a, b, conversation } = await startTalk(platform, node);
  const second = await platform.peers.addDevice(a);
  await node.call(b, sendMessage, {
    body: messageFor(conversation, [a, second], { text: 'for both' }),
  });
  const parts = [a.device, second.device].map((device) => ({
    user: a.user,
    at,
    devices: [device],
  }));
  for (const part of [...parts, parts[0]!]) {
    await publishEvent(bus, 'events.account.deleted', part, randomUUID());
  }
  await vi.waitFor(async () => {
    const ids = [a.device, second.device].map((device) => device.replaceAll('-', ''));
    expect(await mentions(...ids)).toEqual([]);
    const { rows } = await platform.database.pool.query(
      'select 1 from erased_users where user_id = $1 and erased_at is not null and devices = $2',
      [a.user, []],
    );
    expect(rows).toHaveLength(1);
  }, 20_000);
});

test('a conversation goes with its last member, and no row names either of them', async () => {
  const { a, b, conversation } = await startTalk(platform, node);
  for (let count = 0; count < 70; count++) {
    await node.call(a, sendMessage, { body: messageFor(conversation, [b], { text: 'hello' }) });
  }
  await erase(a);
  await erase(b);
  await vi.waitFor(async () => {
    expect(await mentions(a.user, b.user, a.device, b.device, conversation)).toEqual([]);
  }, 20_000);
});

test('an erasure may come twice, and late news of the user changes nothing', async () => {
  const { a } = await startTalk(platform, node);
  await erase(a);
  await erase(a);
  const created = { user: a.user, username: a.username };
  await publishEvent(bus, 'events.account.created', created, randomUUID());
  const list = { user: a.user, version: 99, devices: [a.device] };
  await publishEvent(bus, 'events.device-list.changed', list, randomUUID());
  const last = await platform.peers.addPerson();
  await vi.waitFor(
    async () => expect(await mentions(last.device)).toContain('device_lists'),
    20_000,
  );
  const members = await mentions(a.user);
  expect(members).not.toContain('accounts');
  expect(members).not.toContain('device_lists');
});

test('an export has the conversations of the user, and counts ciphertexts instead of repeating them', async () => {
  const { a, b, conversation } = await startTalk(platform, node);
  await node.call(a, sendMessage, { body: messageFor(conversation, [b], { text: 'in secret' }) });
  const created = { user: a.user, username: a.username };
  await publishEvent(bus, 'events.account.created', created, randomUUID());
  const { tables } = await node.call(undefined, exportMessages, { params: { user_id: a.user } });
  expect(tables.accounts).toMatchObject([{ user_id: a.user, username: a.username }]);
  expect(tables.conversation_members).toMatchObject([{ conversation, places: 1 }]);
  expect(tables.messages).toMatchObject([{ conversation, sent: 1 }]);
  expect(JSON.stringify(tables)).not.toContain(Buffer.from('in secret').toString('hex'));
  const other = await node.call(undefined, exportMessages, { params: { user_id: b.user } });
  expect(other.tables.messages).toEqual([]);
});
