/** Who is told of whom that they are there, over two nodes; and that nobody else is. */
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  acceptConversation,
  announcePresence,
  blockUser,
  getUser,
  searchUsers,
  setPresence,
  unblockUser,
} from '@sotto/api';
import { exportMessages } from '@sotto/api/internal';
import { type Bus, createMemoryBus, listen, publishEvent } from '@sotto/runtime';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { findConnected, sweepNodes } from '../src/connection-store.ts';
import { LOOK_MS } from '../src/limits.ts';
import { openConversation } from './messages.ts';
import { startPlatform } from './nodes.ts';
import { INTERNAL_SECRET, type Person } from './peers.ts';
import { befriend, type Stage, startStage, toldOf, untilOnline } from './signals.ts';
import { connect } from './socket-client.ts';

const DEAD_WITHIN_MS = 15_000;
const SLOW = { timeout: 60_000 };

let stage: Stage;

beforeAll(async () => {
  stage = await startStage();
});

afterAll(() => stage.close());

/** Two people who have accepted each other. */
async function friends(): Promise<[Person, Person]> {
  const { peers } = stage.platform;
  const [a, b] = await Promise.all([peers.addPerson(), peers.addPerson()]);
  await befriend(stage.one, a, b);
  return [a, b];
}

test.concurrent('who watches hears at once how somebody is, that they come and that they go, on any node', async () => {
  const [a, b] = await friends();
  const here = await connect(stage.one, a);
  here.post({ type: 'watch', users: [b.user] });
  expect(await untilOnline(here, b.user, false)).not.toHaveProperty('lastSeen');
  const there = await connect(stage.two, b);
  expect(await untilOnline(here, b.user, true)).not.toHaveProperty('lastSeen');
  const second = await connect(stage.two, a);
  await here.closed;
  second.post({ type: 'watch', users: [b.user] });
  await untilOnline(second, b.user, true);
  await there.close();
  const { lastSeen = '' } = await untilOnline(second, b.user, false);
  expect(Date.parse(lastSeen) % 600_000).toBe(0);
  expect(Date.now() - Date.parse(lastSeen)).toBeLessThan(660_000);
  await second.close();
});

test.concurrent('a stranger, whoever was not accepted, the blocked and the hidden hear nothing', async () => {
  const { peers } = stage.platform;
  const [witness, seen] = await friends();
  const [stranger, requester, blocked, blocker, hidden] = await Promise.all(
    Array.from({ length: 5 }, () => peers.addPerson()),
  );
  await openConversation(stage.one, requester!, seen);
  for (const person of [blocked!, blocker!, hidden!]) await befriend(stage.one, person, seen);
  await stage.two.call(seen, blockUser, { params: { user_id: blocked!.user } });
  await stage.two.call(blocker!, blockUser, { params: { user_id: seen.user } });
  await stage.two.call(hidden!, setPresence, { body: { visible: false } });
  const watchers = [witness, stranger!, requester!, blocked!, blocker!, hidden!];
  const clients = await Promise.all(watchers.map((person) => connect(stage.one, person)));
  for (const client of clients) client.post({ type: 'watch', users: [seen.user] });
  const [first] = clients;
  await untilOnline(first!, seen.user, false);
  const there = await connect(stage.two, seen);
  await untilOnline(first!, seen.user, true);
  await there.close();
  await untilOnline(first!, seen.user, false);
  expect(clients.map((client) => toldOf(client, seen.user).length)).toEqual([3, 0, 0, 0, 0, 0]);
  // Nor does who was asked see who asks, before they have accepted; nor anybody whoever hides.
  const asked = await connect(stage.two, seen);
  asked.post({ type: 'watch', users: watchers.map(({ user }) => user) });
  await untilOnline(asked, witness.user, true);
  expect(toldOf(asked, witness.user)).toHaveLength(1);
  expect(asked.frames.filter(({ type }) => type === 'presence')).toHaveLength(1);
  await Promise.all([...clients, asked].map((client) => client.close()));
});

test.concurrent('who may see whom changes while they watch: accepted, blocked, hidden, and back', async () => {
  const { peers } = stage.platform;
  const [a, b] = await Promise.all([peers.addPerson(), peers.addPerson()]);
  const id = await openConversation(stage.one, a, b);
  const [here, there] = [await connect(stage.one, a), await connect(stage.two, b)];
  here.post({ type: 'watch', users: [b.user] });
  await stage.two.call(b, acceptConversation, { params: { id } });
  await untilOnline(here, b.user, true);
  await stage.two.call(b, blockUser, { params: { user_id: a.user } });
  expect(await untilOnline(here, b.user, false)).not.toHaveProperty('lastSeen');
  await stage.two.call(b, unblockUser, { params: { user_id: a.user } });
  await untilOnline(here, b.user, true);
  await stage.two.call(b, setPresence, { body: { visible: false } });
  await untilOnline(here, b.user, false);
  await stage.two.call(b, setPresence, { body: { visible: true } });
  await untilOnline(here, b.user, true);
  await stage.one.call(a, setPresence, { body: { visible: false } });
  await untilOnline(here, b.user, false);
  await Promise.all([here.close(), there.close()]);
});

test.concurrent('a device that moves to the other node, and is away for a second, is never said to be gone', async () => {
  const [a, b] = await friends();
  const here = await connect(stage.one, a);
  here.post({ type: 'watch', users: [b.user] });
  await untilOnline(here, b.user, false);
  let client = await connect(stage.one, b);
  await untilOnline(here, b.user, true);
  for (const node of [stage.two, stage.one, stage.two]) {
    await client.close();
    await vi.waitFor(async () => {
      expect(await findConnected(stage.platform.database, [b.device])).toEqual(new Set());
    }, 20_000);
    // Long enough that somebody looks meanwhile.
    await sleep(LOOK_MS * 2);
    client = await connect(node, b);
    await vi.waitFor(async () => {
      expect(await findConnected(stage.platform.database, [b.device])).toEqual(new Set([b.device]));
    }, 20_000);
  }
  await client.close();
  await untilOnline(here, b.user, false);
  expect(toldOf(here, b.user).map(({ online }) => online)).toEqual([false, true, false]);
  await here.close();
});

test.concurrent('who has no socket announces themselves, and is in the directory as others may see them', async () => {
  const [a, b] = await friends();
  const stranger = await stage.platform.peers.addPerson();
  const here = await connect(stage.one, a);
  here.post({ type: 'watch', users: [b.user] });
  await untilOnline(here, b.user, false);
  await stage.two.call(b, announcePresence, {});
  await untilOnline(here, b.user, true);
  const query = { name: b.username, limit: 10 };
  const entry = { user: b.user, username: b.username };
  expect(await stage.one.call(a, searchUsers, { query })).toEqual({
    users: [{ ...entry, presence: { online: true } }],
  });
  expect(await stage.one.call(stranger, searchUsers, { query })).toEqual({ users: [entry] });
  const params = { user_id: b.user };
  expect(await stage.one.call(a, getUser, { params })).toMatchObject({
    presence: { online: true },
  });
  await stage.two.call(b, setPresence, { body: { visible: false } });
  await stage.two.call(b, announcePresence, {});
  expect(await stage.one.call(a, getUser, { params })).toEqual(entry);
  await here.close();
});

test.concurrent('an announcement ends after a minute', async () => {
  const [a, b] = await friends();
  await stage.one.call(b, announcePresence, {});
  await stage.platform.database.pool.query(
    `update presence set announced_at = announced_at - interval '61 s' where user_id = $1`,
    [b.user],
  );
  const { presence } = await stage.one.call(a, getUser, { params: { user_id: b.user } });
  expect(presence).toMatchObject({ online: false, lastSeen: expect.any(String) });
});

test.concurrent('signals that are lost cost time and no more', SLOW, async () => {
  const deaf = await stage.platform.startNode(withoutSignals(await stage.openBus()));
  const { peers } = stage.platform;
  const [a, b] = await Promise.all([peers.addPerson(), peers.addPerson()]);
  const id = await openConversation(deaf, a, b);
  const here = await connect(stage.one, a);
  here.post({ type: 'watch', users: [b.user] });
  const there = await connect(deaf, b);
  await deaf.call(b, acceptConversation, { params: { id } });
  await untilOnline(here, b.user, true, 40_000);
  await there.close();
  await untilOnline(here, b.user, false, 40_000);
  await Promise.all([here.close(), deaf.close()]);
});

test.concurrent(
  'the users of a node that was killed are gone within 15 s, and their devices can be woken',
  SLOW,
  async () => {
    const { database } = stage.platform;
    const [a, b] = await friends();
    const here = await connect(stage.one, a);
    here.post({ type: 'watch', users: [b.user] });
    const victim = await startVictim();
    await connect(victim, b);
    await untilOnline(here, b.user, true);
    await vi.waitFor(async () => {
      expect(await findConnected(database, [b.device])).toEqual(new Set([b.device]));
    }, 20_000);
    await victim.kill();
    await untilOnline(here, b.user, false, DEAD_WITHIN_MS);
    expect(await findConnected(database, [b.device])).toEqual(new Set());
    // Whoever comes back elsewhere is here again, whatever the dead node's rows say.
    const back = await connect(stage.two, b);
    await untilOnline(here, b.user, true);
    await Promise.all([here.close(), back.close()]);
  },
);

test('the devices of a node that died are given to one of those that sweep it', async () => {
  const bus = createMemoryBus();
  const platform = await startPlatform(bus);
  const node = await platform.startNode(bus);
  await node.close();
  const { pool } = platform.database;
  const [device, user, dead, living] = Array.from({ length: 4 }, () => randomUUID());
  await pool.query(
    `insert into nodes values ($1, now() - interval '31 s'), ($2, now() - interval '29 s')`,
    [dead, living],
  );
  await pool.query(
    `insert into connections values ($1, $2, $3, now()), (gen_random_uuid(), $2, $4, now())`,
    [device, user, dead, living],
  );
  const swept = await Promise.all([1, 2, 3].map(() => sweepNodes(platform.database)));
  expect(swept.flat()).toEqual([device]);
  expect((await pool.query('select node from connections')).rows).toEqual([{ node: living }]);
  const { rows } = await pool.query('select user_id, last_seen from presence');
  expect(rows).toEqual([{ user_id: user, last_seen: expect.any(Date) }]);
  await platform.close();
  await bus.close();
});

test('a node that was taken for dead tells again who is connected to it', SLOW, async () => {
  const [a, b] = await friends();
  const [here, there] = [await connect(stage.one, a), await connect(stage.two, b)];
  here.post({ type: 'watch', users: [b.user] });
  await untilOnline(here, b.user, true);
  await stage.platform.database.pool.query('delete from connections');
  await untilOnline(here, b.user, false, 40_000);
  await stage.platform.database.pool.query('delete from nodes');
  await untilOnline(here, b.user, true, 10_000);
  await Promise.all([here.close(), there.close()]);
});

test('a user may have what is held of their presence, and a node that ends leaves nothing behind', async () => {
  const [a] = await friends();
  const nodes = async () => {
    const rows = await stage.platform.database.query.selectFrom('nodes').select('node').execute();
    return rows.map((row) => row.node);
  };
  const others = await nodes();
  const node = await stage.platform.startNode(await stage.openBus());
  const own = (await nodes()).filter((name) => !others.includes(name));
  expect(own).toHaveLength(1);
  const client = await connect(node, a);
  const exported = () => stage.one.call(undefined, exportMessages, { params: { user_id: a.user } });
  await vi.waitFor(async () => {
    expect((await exported()).tables.connections).toMatchObject([{ device: a.device }]);
  }, 20_000);
  await client.close();
  await vi.waitFor(async () => {
    expect((await exported()).tables).toMatchObject({
      connections: [],
      presence: [{ user_id: a.user, visible: true }],
    });
  }, 20_000);
  await node.close();
  // Others, which tests before have killed, may be forgotten meanwhile.
  expect(await nodes()).not.toContain(own[0]);
});

test.concurrent('a deleted account leaves no presence behind, whatever comes late', async () => {
  const [a, b] = await friends();
  const { pool } = stage.platform.database;
  const rowsOf = async ({ user }: Person) => {
    const { rows } = await pool.query(
      `select user_id from presence where user_id = $1
       union all select user_id from connections where user_id = $1`,
      [user],
    );
    return rows.length;
  };
  const client = await connect(stage.one, a);
  await stage.one.call(a, announcePresence, {});
  await vi.waitFor(async () => expect(await rowsOf(a)).toBe(2), 20_000);
  const deletion = { user: a.user, at: new Date().toISOString(), devices: [a.device] };
  await publishEvent(await stage.openBus(), 'events.account.deleted', deletion, randomUUID());
  await vi.waitFor(async () => expect(await rowsOf(a)).toBe(0), { timeout: 20_000 });
  // The session ends a little later; the token may still be good.
  await stage.one.call(a, announcePresence, {});
  await stage.one.call(a, setPresence, { body: { visible: false } });
  await client.close();
  // On the same node and after it.
  const marker = await connect(stage.one, b);
  await vi.waitFor(async () => expect(await rowsOf(b)).toBe(1), { timeout: 20_000 });
  expect(await rowsOf(a)).toBe(0);
  await marker.close();
});

/** A bus on which no signal of this node arrives, as when the connection breaks. */
function withoutSignals(bus: Bus): Bus {
  return { ...bus, signal: () => undefined };
}

/** A node in a process of its own, on the same database and with a bus that nobody else hears. */
async function startVictim() {
  const { platform } = stage;
  const address = { host: '127.0.0.1', port: 0 };
  const peers = await Promise.all(
    [platform.peers.auth, platform.peers.key].map((fetch) => listen({ fetch }, address)),
  );
  const [auth, key] = peers.map(({ port }) => `http://127.0.0.1:${port}`);
  const database = new URL(process.env.TEST_DATABASE_URL ?? '');
  database.pathname = `/${platform.database.pool.options.database}`;
  const child = spawn(process.execPath, ['services/message/src/main.ts'], {
    cwd: fileURLToPath(new URL('../../..', import.meta.url)),
    env: {
      ...{ SERVER_PORT: '0', DATABASE_URL: database.href, INTERNAL_SECRET, LOG_LEVEL: 'error' },
      ...{ AUTH_URL: auth, KEY_URL: key },
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  let url = '';
  for await (const line of createInterface({ input: child.stdout })) {
    url = /^ready (http\S+)$/.exec(line)?.[1] ?? '';
    if (url !== '') break;
  }
  return {
    url,
    async kill() {
      child.kill('SIGKILL');
      await ended;
      await Promise.all(peers.map((peer) => peer.close()));
    },
  };
}
