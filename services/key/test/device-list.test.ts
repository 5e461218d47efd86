import { randomUUID } from 'node:crypto';
import {
  getDeviceList,
  publishDeviceList,
  publishIdentity,
  publishOneTimePrekeys,
} from '@sotto/api';
import { type Event, exportKeys, findDeviceList } from '@sotto/api/internal';
import { verifyDeviceList, verifyingKey } from '@sotto/crypto';
import { nodeProvider } from '@sotto/crypto/node';
import { consumeEvent, publishEvent } from '@sotto/runtime';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import {
  deviceList,
  identityOf,
  linkedDevice,
  newOwner,
  type Owner,
  oneTimePrekeys,
  type Publisher,
  publisherOn,
} from './owner.fixture.ts';
import { newDevice, type Platform, startPlatform } from './platform.fixture.ts';

let platform: Platform;
let publish: Publisher;
const told: Event<'events.device-list.changed'>[] = [];
const audited: Event<'events.audit.noted'>['entries'] = [];

beforeAll(async () => {
  platform = await startPlatform();
  publish = publisherOn(platform);
  await consumeEvent(platform.bus, 'test', 'events.device-list.changed', async (event) => {
    told.push(event);
  });
  await consumeEvent(platform.bus, 'test', 'events.audit.noted', async ({ entries }) => {
    audited.push(...entries);
  });
});
afterAll(() => platform.close());
beforeEach(() => {
  platform.message.behaviour = 'applies';
});

const toldOf = (user: string) => told.filter((event) => event.user === user);
const refusal = (owner: Owner, encoded: Uint8Array) =>
  platform.call.problem(publishDeviceList, owner, { body: { list: encoded } });

/** A device with an identity and a signed prekey, on no list yet. */
async function published(owner = newOwner()): Promise<Owner> {
  await publish.identity(owner);
  await publish.signed(owner);
  return owner;
}

test('a list that was published is given to others as it was signed, and comes with bundles', async () => {
  const owner = await published();
  const { encoded, head } = deviceList([owner]);
  expect(await publish.list(owner, encoded)).toEqual({ version: 1, complete: true });
  const params = { user_id: owner.user };
  const { list } = await platform.call(getDeviceList, newDevice(), { params });
  expect(Buffer.from(list)).toEqual(Buffer.from(encoded));
  const { identityKey, deviceList: handedOut } = await publish.bundle(owner.user);
  const verified = verifyDeviceList(nodeProvider, handedOut, {
    user: owner.user,
    identityKey: verifyingKey<'identity'>(identityKey),
    previous: head,
    now: Date.now(),
  });
  expect(verified.list.devices.map(({ device }) => device)).toEqual([owner.device]);
});

test('the same list again changes nothing, also on another process', async () => {
  const owner = await published();
  const { encoded } = deviceList([owner]);
  const body = { list: encoded };
  const answers = await Promise.all(
    [0, 1, 0, 1].map((process) => platform.call(publishDeviceList, owner, { body, process })),
  );
  expect(answers).toEqual(answers.map(() => ({ version: 1, complete: true })));
  await vi.waitFor(() => expect(toldOf(owner.user)).toHaveLength(1), 20_000);
});

test('without a published list there is none to give', async () => {
  const owner = await published();
  const params = { user_id: owner.user };
  const problem = await platform.call.problem(getDeviceList, newDevice(), { params });
  expect(problem).toMatchObject({ code: 'key.list-unknown', status: 404 });
  expect(await platform.call(findDeviceList, 'service', { params })).toEqual({});
});

test('the list grows by signed versions only, and each change is told in order', async () => {
  const owner = await published();
  await publish.join(owner);
  const others = [linkedDevice(owner), linkedDevice(owner), linkedDevice(owner)];
  for (const other of others) {
    await published(other);
    const { devices } = await publish.bundle(owner.user);
    expect(devices.some(({ device }) => device === other.device)).toBe(false);
    await publish.join(other);
  }
  await vi.waitFor(() => expect(toldOf(owner.user)).toHaveLength(4), 20_000);
  expect(toldOf(owner.user).map(({ version }) => version)).toEqual([1, 2, 3, 4]);
  expect(toldOf(owner.user).map(({ devices }) => devices.length)).toEqual([1, 2, 3, 4]);
  const params = { user_id: owner.user };
  const { list } = await platform.call(findDeviceList, 'service', { params });
  expect(list).toEqual(toldOf(owner.user).at(-1));
  expect(new Set(list?.devices)).toEqual(new Set([owner, ...others].map(({ device }) => device)));
});

test('a device that the next list leaves out gets no messages any more', async () => {
  const owner = await published();
  const other = linkedDevice(owner);
  await published(other);
  const first = deviceList([owner, other]);
  await publish.list(owner, first.encoded);
  await publish.list(owner, deviceList([owner], { previous: first.head }).encoded);
  expect((await publish.bundle(owner.user)).devices.map(({ device }) => device)).toEqual([
    owner.device,
  ]);
  await vi.waitFor(
    () => expect(toldOf(owner.user).map(({ devices }) => devices.length)).toEqual([2, 1]),
    20_000,
  );
});

test('a list that is signed anew each week changes nobody', async () => {
  const owner = await published();
  const first = deviceList([owner]);
  await publish.list(owner, first.encoded);
  const second = deviceList([owner], { previous: first.head });
  expect(await publish.list(owner, second.encoded)).toEqual({ version: 2, complete: true });
  await vi.waitFor(
    () =>
      expect(
        audited.filter(({ user, action }) => user === owner.user && /list/.test(action)),
      ).toHaveLength(2),
    20_000,
  );
  expect(toldOf(owner.user)).toHaveLength(1);
});

test('a fork and a list that was replaced are conflicts', async () => {
  const owner = await published();
  const first = deviceList([owner]);
  await publish.list(owner, first.encoded);
  const second = deviceList([owner], { previous: first.head });
  await publish.list(owner, second.encoded);
  const conflicting = [
    first,
    deviceList([owner], { previous: first.head, time: 1 }),
    deviceList([owner], { previous: { ...second.head, hash: new Uint8Array(32).fill(1) } }),
  ];
  for (const { encoded } of conflicting) {
    expect(await refusal(owner, encoded)).toMatchObject({ code: 'key.list-conflict', status: 409 });
  }
});

test('a list is taken though the platform lacks those before it, as after a restore', async () => {
  const owner = await published();
  const first = deviceList([owner]);
  await publish.list(owner, first.encoded);
  const lost = { ...first.head, version: 4 };
  const fifth = deviceList([owner], { previous: lost });
  expect(await publish.list(owner, fifth.encoded)).toEqual({ version: 5, complete: true });
});

test('of two lists of one version that come together one is stored', async () => {
  const owner = await published();
  const rivals = [deviceList([owner], { time: 1 }), deviceList([owner], { time: 2 })];
  const outcomes = await Promise.allSettled(
    rivals.map(({ encoded }, process) =>
      platform.call(publishDeviceList, owner, { body: { list: encoded }, process }),
    ),
  );
  expect(outcomes.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
});

test('a list of another account, by another identity, or with a changed byte is refused', async () => {
  const owner = await published();
  const stranger = newOwner();
  const own = deviceList([owner]).encoded;
  const forged = [
    deviceList([{ ...owner, user: stranger.user }]).encoded,
    deviceList([{ ...owner, identity: stranger.identity }]).encoded,
    Uint8Array.from(own, (byte, at) => (at === own.length - 1 ? byte ^ 1 : byte)),
  ];
  for (const encoded of forged) {
    expect(await refusal(owner, encoded)).toMatchObject({
      code: 'key.signature-invalid',
      status: 422,
    });
  }
  for (const encoded of [own.subarray(1), Uint8Array.of(1, ...own), new Uint8Array(300)]) {
    expect(await refusal(owner, encoded)).toMatchObject({ code: 'key.list-invalid', status: 422 });
  }
});

test('a list names only devices of the account that have published all that others need', async () => {
  const owner = await published();
  const bare = linkedDevice(owner);
  await publish.identity(bare);
  const foreign = await published();
  for (const other of [linkedDevice(owner), bare, { ...owner, device: foreign.device }]) {
    expect(await refusal(owner, deviceList([owner, other]).encoded)).toMatchObject({
      code: 'key.list-invalid',
    });
  }
  const { encoded } = deviceList([owner], { registrationId: 8 });
  expect(await refusal(owner, encoded)).toMatchObject({ code: 'key.list-invalid' });
});

test('an account without an identity has no list', async () => {
  const owner = newOwner();
  expect(await refusal(owner, deviceList([owner]).encoded)).toMatchObject({
    code: 'key.identity-missing',
  });
});

describe('a change is complete', () => {
  test('once the message service goes by it', async () => {
    const owner = await published();
    await publish.list(owner, deviceList([owner]).encoded);
    const applied = platform.message.applied.filter(({ user }) => user === owner.user);
    expect(applied).toEqual([{ user: owner.user, version: 1, devices: [owner.device] }]);
  });

  test.each(['refuses', 'hangs'] as const)(
    'not while the message service %s, and publishing it again completes it',
    async (behaviour) => {
      const owner = await published();
      const { encoded } = deviceList([owner]);
      platform.message.behaviour = behaviour;
      const start = performance.now();
      expect(await publish.list(owner, encoded)).toEqual({ version: 1, complete: false });
      expect(performance.now() - start).toBeLessThan(4_000);
      platform.message.behaviour = 'applies';
      expect(await publish.list(owner, encoded)).toEqual({ version: 1, complete: true });
      await vi.waitFor(() => expect(toldOf(owner.user)).toHaveLength(1), 20_000);
    },
  );
});

describe('a device that auth has ended', () => {
  test('is in no bundle, though the newest list names it, and its keys are gone', async () => {
    const owner = newOwner();
    const other = linkedDevice(owner);
    await publish.all(owner, 2);
    await publish.all(other, 2);
    await retire(other);
    await vi.waitFor(() => expect(toldOf(owner.user)).toHaveLength(3), 20_000);
    expect(toldOf(owner.user).at(-1)).toMatchObject({ version: 3, devices: [owner.device] });
    const { devices } = await publish.bundle(owner.user);
    expect(devices.map(({ device }) => device)).toEqual([owner.device]);
    for (const table of ['signed_prekeys', 'one_time_prekeys', 'issued_prekeys'] as const) {
      const rows = await platform.database.query
        .selectFrom(table)
        .select('id')
        .where('device_id', '=', other.device)
        .execute();
      expect(rows, table).toEqual([]);
    }
  });

  test('publishes nothing with a token that outlives its session, and goes on no list', async () => {
    const owner = newOwner();
    await publish.all(owner, 0);
    const other = linkedDevice(owner);
    await retire(other);
    await vi.waitFor(async () => {
      const problem = await platform.call.problem(publishIdentity, other, {
        body: identityOf(other),
      });
      expect(problem).toMatchObject({ code: 'auth.token-invalid' });
    }, 20_000);
    const body = { prekeys: oneTimePrekeys(1, 1) };
    const problem = await platform.call.problem(publishOneTimePrekeys, other, { body });
    expect(problem).toMatchObject({ code: 'key.identity-missing' });
  });

  async function retire({ user, device }: Owner): Promise<void> {
    const event = { user, device };
    await publishEvent(platform.bus, 'events.device.retired', event, `retired ${device}`);
  }
});

describe('an account that was deleted', () => {
  test('leaves nothing here but what says that it is gone', async () => {
    const owner = newOwner();
    await publish.all(owner, 3);
    await publish.bundle(owner.user);
    const event = { user: owner.user, at: new Date().toISOString() };
    await publishEvent(platform.bus, 'events.account.deleted', event, `deleted ${owner.user}`);
    const params = { user_id: owner.user };
    await vi.waitFor(async () => {
      const { tables } = await platform.call(exportKeys, 'service', { params });
      expect(Object.values(tables).flat()).toEqual([]);
    }, 20_000);
    const body = identityOf(owner);
    expect(await platform.call.problem(publishIdentity, owner, { body })).toMatchObject({
      code: 'auth.token-invalid',
    });
  });

  test('was told before what was held about it', async () => {
    const owner = newOwner();
    await publish.all(owner, 3);
    await publish.bundle(owner.user);
    const params = { user_id: owner.user };
    const { tables } = await platform.call(exportKeys, 'service', { params });
    expect(tables.identity_keys).toMatchObject([
      { public_key: Buffer.from(owner.identity.publicKey).toString('base64url') },
    ]);
    expect(tables.one_time_prekeys).toEqual([{ device_id: owner.device, waiting: 2 }]);
    expect(tables.devices).toMatchObject([{ id: owner.device, registration_id: 7 }]);
    expect(tables.device_lists).toMatchObject([{ version: 1 }]);
    const problem = await platform.call.problem(exportKeys, owner, { params });
    expect(problem).toMatchObject({ status: 401 });
  });
});

test('an account that is deleted while its list is changed waits for the list, and is gone then', async () => {
  const owner = newOwner();
  const second = linkedDevice(owner);
  await publish.all(owner, 3);
  await published(second);
  const previous = await platform.database.query
    .selectFrom('device_lists')
    .select(['version', 'hash'])
    .where('user_id', '=', owner.user)
    .executeTakeFirstOrThrow();
  const { encoded } = deviceList([owner, second], { previous });
  const holder = await platform.database.pool.connect();
  try {
    await holder.query('begin');
    await holder.query('select from device_lists where user_id = $1 for update', [owner.user]);
    const list = publish.list(owner, encoded);
    await untilWaiting(1);
    const event = { user: owner.user, at: new Date().toISOString() };
    const deletion = publishEvent(platform.bus, 'events.account.deleted', event, randomUUID());
    await untilWaiting(2);
    await holder.query('rollback');
    expect(await list).toMatchObject({ version: 2 });
    await deletion;
  } finally {
    holder.release(true);
  }
  const { tables } = await platform.call(exportKeys, 'service', {
    params: { user_id: owner.user },
  });
  expect(Object.values(tables).flat()).toEqual([]);
});

/** Until so many statements wait for locks of others. */
async function untilWaiting(count: number): Promise<void> {
  const text = `select from pg_stat_activity
    where datname = current_database() and wait_event_type = 'Lock'`;
  await vi.waitFor(
    async () => {
      const { rows } = await platform.database.pool.query(text);
      expect(rows).toHaveLength(count);
    },
    { timeout: 20_000 },
  );
}

test('every upload that changes something is in the audit log', async () => {
  const owner = newOwner();
  await publish.all(owner, 3);
  await publish.all(owner, 3).catch(() => undefined);
  const lines = () => audited.filter(({ user }) => user === owner.user);
  await vi.waitFor(() => expect(lines().length).toBeGreaterThanOrEqual(4), 20_000);
  expect(lines().map(({ action, count }) => [action, count])).toEqual([
    ['identity.published', undefined],
    ['prekeys.published', 1],
    ['prekeys.published', 3],
    ['device-list.published', undefined],
  ]);
  expect(lines()[0]).toMatchObject({ device: owner.device, user: owner.user });
});
