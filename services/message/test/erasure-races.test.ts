/** Whoever is erased while something of them is being written does not come back with it. */
import { randomUUID } from 'node:crypto';
import { ConversationId, createConversation, DeviceId, searchUsers, UserId } from '@sotto/api';
import { applyDeviceList } from '@sotto/api/internal';
import { createMemoryBus, publishEvent } from '@sotto/runtime';
import type { Transaction } from 'kysely';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { storeDeviceList } from '../src/copy-store.ts';
import { type CursorRow, deleteCursors, writeCursors } from '../src/cursor-store.ts';
import { finishErasure, removeSome } from '../src/erasure-store.ts';
import type { Tables } from '../src/schema.ts';
import { type Node, type Platform, startPlatform } from './nodes.ts';
import type { Person } from './peers.ts';

let platform: Platform;
let node: Node;
const bus = createMemoryBus();

beforeAll(async () => {
  platform = await startPlatform(bus);
  node = await platform.startNode(bus);
});
afterAll(async () => {
  await platform.close();
  await bus.close();
});

async function rowsOf(text: string, ...values: unknown[]): Promise<unknown[]> {
  const { rows } = await platform.database.pool.query(text, values);
  return rows;
}

/** Statements that wait for a lock of another. */
async function waiting(): Promise<number> {
  const rows = await rowsOf(
    "select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
  );
  return rows.length;
}

/**
 * Holds a row that is never committed, so that the write of the same row waits in the middle; then has the user erased as
 * far as that goes, and lets both end.
 */
async function eraseDuring(
  { user, device }: Pick<Person, 'user' | 'device'>,
  held: { text: string; values: unknown[] },
  write: () => Promise<unknown>,
): Promise<void> {
  const holder = await platform.database.pool.connect();
  try {
    await holder.query('begin');
    await holder.query(held.text, held.values);
    const writing = Promise.allSettled([write()]);
    await vi.waitFor(async () => expect(await waiting()).toBe(1), { timeout: 20_000 });
    const deletion = { user, at: new Date().toISOString(), devices: [device] };
    const told = publishEvent(bus, 'events.account.deleted', deletion, randomUUID());
    await vi.waitFor(
      async () => {
        const erased = await rowsOf('select from erased_users where user_id = $1', user);
        expect(erased.length + (await waiting())).toBeGreaterThanOrEqual(2);
      },
      { timeout: 20_000 },
    );
    await holder.query('rollback');
    await writing;
    await told;
  } finally {
    // With whatever it still holds, should the test have failed.
    holder.release(true);
  }
}

async function untilErased({ user }: Pick<Person, 'user'>): Promise<void> {
  await vi.waitFor(
    async () => {
      const text = 'select from erased_users where user_id = $1 and erased_at is not null';
      expect(await rowsOf(text, user)).toHaveLength(1);
    },
    { timeout: 20_000 },
  );
}

test('by a conversation that somebody opens with them', async () => {
  const [a, b] = await Promise.all([platform.peers.addPerson(), platform.peers.addPerson()]);
  await eraseDuring(
    a,
    {
      text: "insert into conversations (id, kind, pair_low, pair_high) values ($1, 'direct', $2, $3)",
      values: [randomUUID(), ...[a.user, b.user].sort()],
    },
    () => node.call(b, createConversation, { body: { kind: 'direct', with: a.user } }),
  );
  await untilErased(a);
  const text = 'select from conversation_members where user_id = $1 and left_seq is null';
  expect(await rowsOf(text, a.user)).toEqual([]);
});

test('by the copy of their account', async () => {
  const [a, b] = await Promise.all([platform.peers.addPerson(), platform.peers.addPerson()]);
  await rowsOf('delete from accounts where user_id = $1', a.user);
  await eraseDuring(
    a,
    {
      text: 'insert into accounts (user_id, username, folded) values ($1, $2, $3)',
      values: [a.user, a.username, a.username.toLowerCase()],
    },
    () => node.call(b, createConversation, { body: { kind: 'direct', with: a.user } }),
  );
  await untilErased(a);
  expect(await rowsOf('select from accounts where user_id = $1', a.user)).toEqual([]);
  const { users } = await node.call(b, searchUsers, { query: { name: a.username, limit: 10 } });
  expect(users).toEqual([]);
});

test('by the copy of their device list', async () => {
  const a = await platform.peers.addPerson();
  await rowsOf('delete from device_lists where user_id = $1', a.user);
  await eraseDuring(
    a,
    {
      text: "insert into device_lists (user_id, version, devices) values ($1, 0, '{}')",
      values: [a.user],
    },
    () =>
      node.call(undefined, applyDeviceList, {
        body: { user: a.user, version: 9, devices: [a.device] },
      }),
  );
  await untilErased(a);
  expect(await rowsOf('select from device_lists where user_id = $1', a.user)).toEqual([]);
});

test('by anything that comes later', async () => {
  const [a, b] = await Promise.all([platform.peers.addPerson(), platform.peers.addPerson()]);
  const deletion = { user: a.user, at: new Date().toISOString(), devices: [a.device] };
  await publishEvent(bus, 'events.account.deleted', deletion, randomUUID());
  await untilErased(a);
  const opening = node.call(b, createConversation, { body: { kind: 'direct', with: a.user } });
  await expect(opening).rejects.toMatchObject({ code: 'conversation.member-unknown' });
  const list = { user: a.user, version: 9, devices: [a.device] };
  await node.call(undefined, applyDeviceList, { body: list });
  for (const table of ['accounts', 'device_lists', 'conversation_members']) {
    expect(await rowsOf(`select from ${table} where user_id = $1`, a.user)).toEqual([]);
  }
});

describe('acknowledgements that are being written do not stand in the way', () => {
  type Place = Omit<CursorRow, 'seq'>;
  const [low, high] = ['00000000-0000-4000-8000-000000000001', randomUUID()] as const;
  const devices = [low, high].map((id) => DeviceId.parse(id));
  const conversation = ConversationId.parse(low);
  const user = UserId.parse(randomUUID());

  /** Where the rows lie in another order than that in which they are written. */
  async function removeWhileWritten(
    [early, late]: [Place, Place],
    remove: () => Promise<unknown>,
  ): Promise<void> {
    const { database } = platform;
    await rowsOf('truncate cursors');
    for (const place of [late, early]) await writeCursors(database, [{ ...place, seq: 1 }]);
    const holder = await database.pool.connect();
    try {
      await holder.query('begin');
      const held = 'select from cursors where device = $1 and conversation = $2 for update';
      await holder.query(held, [early.device, early.conversation]);
      const writing = writeCursors(
        database,
        [early, late].map((place) => ({ ...place, seq: 2 })),
      );
      await vi.waitFor(async () => expect(await waiting()).toBe(1), { timeout: 20_000 });
      const removing = remove();
      await vi.waitFor(async () => expect(await waiting()).toBe(2), { timeout: 20_000 });
      await holder.query('rollback');
      await Promise.all([writing, removing]);
    } finally {
      holder.release(true);
    }
    expect(await rowsOf('select from cursors')).toEqual([]);
  }

  const ofDevices = devices.map((device) => ({ device, conversation })) as [Place, Place];
  const transact = (work: (transaction: Transaction<Tables>) => Promise<unknown>) =>
    platform.database.query.transaction().execute(work);

  test('of the end of an erasure', () =>
    removeWhileWritten(ofDevices, () =>
      transact((transaction) => finishErasure(transaction, { user, devices })),
    ));

  test('of a conversation that goes with its last member', () =>
    removeWhileWritten(ofDevices, () =>
      transact((transaction) => removeSome(transaction, conversation, 10)),
    ));

  test('of a device list that loses devices', async () => {
    await storeDeviceList(platform.database, { user, version: 1, devices });
    await removeWhileWritten(ofDevices, () =>
      storeDeviceList(platform.database, { user, version: 2, devices: [] }),
    );
  });

  test('of a device that is retired', () => {
    const [device] = devices as [DeviceId];
    const places = [low, high].map((id) => {
      return { device, conversation: ConversationId.parse(id) };
    }) as [Place, Place];
    return removeWhileWritten(places, () => deleteCursors(platform.database, device));
  });
});
