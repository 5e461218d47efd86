/** What a device does about its keys by itself, over weeks and after faults. */
import { DeviceId } from '@sotto/api';
import { decodeDeviceList, signDeviceList, signingKeyPairOf, signingSeed } from '@sotto/crypto';
import { nodeProvider } from '@sotto/crypto/node';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { type Client, createClient } from '../client.ts';
import { ONE_TIME_PREKEYS_BATCH, SIGNED_PREKEY_KEPT_MS } from '../limits.ts';
import { startPlatform } from '../platform/platform.fixture.ts';
import type { Device, Platform } from '../platform/platform-operations.fixture.ts';
import { keys } from '../store/key-space.ts';
import type { Store, StoreTransaction } from '../store/store.ts';
import { openMemoryStore } from '../store/store-memory.ts';
import { Counter, getRecord, putRecord } from '../store/stored-record.ts';
import { listSignedPrekeys } from './prekeys.ts';
import { HeadRecord, IdentityRecord, SignedPrekeyRecord } from './records.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const PASSWORD = 'Secret!23';

let platform: Platform;
let clients: Client[];
let now: number;

beforeEach(async () => {
  platform = await startPlatform();
  clients = [];
  now = Date.now();
});
afterEach(async () => {
  for (const client of clients) await client.close();
  await platform.close();
});

describe('a first connection', () => {
  test('leaves everything that others need, in an order that never shows half of it', async () => {
    await enter('alice');
    const uploads = platform.calls.filter((call) => call.startsWith('publish'));
    expect(uploads).toEqual([
      'publishIdentity',
      'publishSignedPrekey',
      'publishOneTimePrekeys',
      'publishDeviceList',
    ]);
    expect(device('alice').oneTimePrekeys).toHaveLength(ONE_TIME_PREKEYS_BATCH);
    const { list } = listOf('alice');
    expect(list).toMatchObject({ version: 1, user: device('alice').user });
    expect(list.devices).toMatchObject([
      { device: device('alice').device, registrationId: device('alice').bundle.registrationId },
    ]);
  });

  test('ends in the same place, whichever answers are lost', async () => {
    const lost: string[] = [];
    const { store } = await enter('alice', {
      async fetch(target, init) {
        const answer = await fetch(target, init);
        const path = `${init?.method} ${new URL(String(target)).pathname}`;
        if (!path.includes('/keys/') || lost.includes(path)) return answer;
        lost.push(path);
        throw new TypeError('the connection broke');
      },
    });
    expect(lost).toHaveLength(6);
    const { oneTimePrekeys, oneTimeMark } = device('alice');
    expect(oneTimePrekeys).toHaveLength(ONE_TIME_PREKEYS_BATCH);
    expect(oneTimeMark).toBe(ONE_TIME_PREKEYS_BATCH);
    expect(listOf('alice').list.version).toBe(1);
    expect(await store.transaction(listSignedPrekeys)).toHaveLength(1);
  }, 60_000);
});

describe('after a week', () => {
  test('the signed prekey is another one and the device list is signed anew, once', async () => {
    const { client } = await enter('alice');
    const first = device('alice').bundle.signedPrekey!;
    now += 7 * DAY_MS + 1;
    await reconnect(client);
    const second = device('alice').bundle.signedPrekey!;
    expect(second.id).toBe(first.id + 1);
    expect(listOf('alice').list).toMatchObject({ version: 2, time: now });
    await reconnect(client);
    expect(device('alice').bundle.signedPrekey).toEqual(second);
    expect(listOf('alice').list.version).toBe(2);
  });

  test('a message to the older signed prekey is read for as long as it is kept', async () => {
    const { client: bob, store } = await enter('bob');
    const { client: alice } = await enter('alice');
    const { id } = await alice.openDirect(device('bob').user);
    const inbox = vi.fn();
    bob.on('message', inbox);
    // As if Alice had fetched her bundle before Bob made the next signed prekey.
    const old = { ...device('bob').bundle };
    now += 7 * DAY_MS + 1;
    await reconnect(bob);
    device('bob').bundle = old;
    await alice.whenStored((await alice.sendText(id, 'by the old one')).id);
    await until(() => inbox.mock.calls.length === 1);
    expect(await storedIds(store)).toEqual([1, 2]);
    now += SIGNED_PREKEY_KEPT_MS + 1;
    await reconnect(bob);
    expect(await storedIds(store)).toEqual([1, 2, 3]);
    now += DAY_MS;
    await reconnect(bob);
    expect(await storedIds(store)).toEqual([2, 3]);
    now += SIGNED_PREKEY_KEPT_MS + 1;
    await reconnect(bob);
    now += DAY_MS;
    await reconnect(bob);
    expect(await storedIds(store)).toEqual([3, 4]);
  });

  test('a clock that is wrong for a while costs no signed prekey, and none stays for ever', async () => {
    const { client, store } = await enter('alice');
    now += 8 * DAY_MS;
    await reconnect(client);
    const right = now;
    // A year ahead, where another prekey is due, then at the machine's beginning of time, then set right.
    for (const wrong of [right + 365 * DAY_MS, right + 365 * DAY_MS + HOUR_MS, HOUR_MS]) {
      now = wrong;
      await reconnect(client);
    }
    now = right + 2 * HOUR_MS;
    await reconnect(client);
    expect(await storedIds(store)).toEqual([1, 2, 3]);
    for (let day = 1; day < 40; day += 13) {
      now = right + day * DAY_MS;
      await reconnect(client);
    }
    expect((await storedIds(store)).slice(0, 3)).toEqual([1, 2, 3]);
    now += 60 * DAY_MS;
    await reconnect(client);
    now += DAY_MS;
    await reconnect(client);
    expect((await storedIds(store))[0]).toBeGreaterThan(3);
  });

  async function storedIds(store: Store): Promise<number[]> {
    return (await store.transaction(listSignedPrekeys)).map(({ id }) => id);
  }
});

test('a device that is told of few prekeys fills up to a hundred', async () => {
  const { client } = await enter('alice');
  expect(client).toBeDefined();
  const known = device('alice');
  known.oneTimePrekeys = known.oneTimePrekeys.slice(-7);
  known.socket!.send(JSON.stringify({ type: 'prekeys-low', available: 7 }));
  await until(() => known.oneTimePrekeys.length === ONE_TIME_PREKEYS_BATCH);
  const ids = known.oneTimePrekeys.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ONE_TIME_PREKEYS_BATCH);
  expect(Math.max(...ids)).toBe(193);
});

test('the private half of a one-time prekey goes with its first use', async () => {
  const { client: bob, store } = await enter('bob');
  const { client: alice } = await enter('alice');
  const { id } = await alice.openDirect(device('bob').user);
  const inbox = vi.fn();
  bob.on('message', inbox);
  const used = device('bob').oneTimePrekeys[0]!.id;
  const isKept = () =>
    store.transaction((transaction) => transaction.get(keys.oneTimePrekey(used)));
  expect(await isKept()).toBeDefined();
  await alice.whenStored((await alice.sendText(id, 'hello')).id);
  await until(() => inbox.mock.calls.length === 1);
  expect(await isKept()).toBeUndefined();
});

test('a one-time prekey that was given away and never used is forgotten, those that wait never', async () => {
  const { client, store } = await enter('alice');
  const kept = async () => (await store.transaction(listOneTime)).length;
  // Seven bundles were fetched; nobody writes.
  device('alice').oneTimePrekeys.splice(0, 7);
  for (const days of [1, 89, 1]) {
    now += days * DAY_MS;
    await reconnect(client);
    expect(await kept()).toBe(ONE_TIME_PREKEYS_BATCH);
  }
  now += 2 * DAY_MS;
  await reconnect(client);
  now += 2 * DAY_MS;
  await reconnect(client);
  const waiting = device('alice').oneTimePrekeys.map(({ id }) => keys.oneTimePrekey(id));
  expect(waiting).toHaveLength(ONE_TIME_PREKEYS_BATCH - 7);
  expect(await store.transaction(listOneTime)).toEqual(waiting);

  async function listOneTime(transaction: StoreTransaction): Promise<string[]> {
    const entries = await transaction.list({ prefix: keys.oneTimePrekeys, limit: 1000 });
    return entries.map(({ key }) => key);
  }
});

test('the newest signed prekey is found among however many', async () => {
  const { store } = await enter('alice');
  const newest = await store.transaction(async (transaction) => {
    const [record] = await listSignedPrekeys(transaction);
    for (let id = 2; id <= 250; id++) {
      await putRecord(transaction, keys.signedPrekey(id), [SignedPrekeyRecord, { ...record!, id }]);
    }
    return (await listSignedPrekeys(transaction)).at(-1);
  });
  expect(newest?.id).toBe(250);
});

describe('when the platform', () => {
  test('has lost what was published, the device publishes again under ids that nobody has used', async () => {
    const { client } = await enter('alice');
    const known = device('alice');
    const before = known.bundle.signedPrekey!.id;
    const list = platform.lists.get(known.user);
    platform.lists.delete(known.user);
    known.bundle = { registrationId: known.bundle.registrationId! };
    Object.assign(known, { oneTimePrekeys: [], oneTimeMark: 0 });
    await reconnect(client);
    expect(known.bundle.signedPrekey!.id).toBeGreaterThan(before);
    expect(known.oneTimePrekeys.every(({ id }) => id > ONE_TIME_PREKEYS_BATCH)).toBe(true);
    expect(platform.lists.get(known.user)).toEqual(list);
    const { client: bob } = await enter('bob');
    const { id } = await bob.openDirect(known.user);
    await bob.whenStored((await bob.sendText(id, 'still there')).id);
  });

  test('has more than this store, the device goes on above it', async () => {
    const { client, store } = await enter('alice');
    const { oneTimeMark } = device('alice');
    await store.transaction(async (transaction) => {
      await putRecord(transaction, keys.oneTimePrekeyIds, [Counter, { next: 11 }]);
    });
    await reconnect(client);
    const ids = device('alice').oneTimePrekeys.map(({ id }) => id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(device('alice').oneTimeMark).toBeGreaterThan(oneTimeMark);
  });

  test('has not told the message service of the list yet, it is published again', async () => {
    let complete = false;
    const options: { fetch: typeof fetch } = {
      async fetch(target, init) {
        const answer = await fetch(target, init);
        const isList = init?.method === 'PUT' && String(target).endsWith('/keys/device-list');
        return isList ? Response.json({ version: 1, complete }) : answer;
      },
    };
    const { client } = await enter('alice', options);
    const published = () => platform.calls.filter((call) => call === 'publishDeviceList').length;
    expect(published()).toBe(1);
    complete = true;
    await reconnect(client);
    expect(published()).toBe(2);
    await reconnect(client);
    expect(published()).toBe(2);
    expect(listOf('alice').list.version).toBe(1);
  });
});

describe('a device', () => {
  test('follows on the list that another one of the account has signed first', async () => {
    const { client, store } = await enter('alice');
    await signAs(store, 'alice', [otherDevice()]);
    now += 7 * DAY_MS + 1;
    await reconnect(client);
    const { list } = listOf('alice');
    expect(list.version).toBe(3);
    expect(list.devices).toHaveLength(2);
  });

  test('that was taken off the list does not put itself back', async () => {
    const { client, store } = await enter('alice');
    await signAs(store, 'alice', [], [otherDevice()]);
    now += 8 * DAY_MS;
    await reconnect(client);
    now += 8 * DAY_MS;
    await reconnect(client);
    const { list } = listOf('alice');
    expect(list.version).toBe(2);
    expect(list.devices.map(({ device: id }) => id)).not.toContain(device('alice').device);
  });

  function otherDevice() {
    const id = DeviceId.parse('ffffffff-0000-4000-8000-000000000001');
    return { device: id, deviceKey: new Uint8Array(32).fill(3), registrationId: 77 };
  }

  type Entry = ReturnType<typeof otherDevice>;

  /** Another device of the account publishes the next list: with what there was, or exactly these. */
  async function signAs(store: Store, username: string, added: Entry[], exactly?: Entry[]) {
    const { user } = device(username);
    const record = await store.transaction(async (transaction) => ({
      identity: await getRecord(transaction, keys.identity, IdentityRecord),
    }));
    const seed = signingSeed<'identity'>(record.identity!.seed);
    const { list } = listOf(username);
    const previous = await headOf(store);
    const { encoded } = signDeviceList(nodeProvider, signingKeyPairOf(nodeProvider, seed), {
      ...{ user, previous, time: now },
      devices: exactly ?? [...list.devices, ...added],
    });
    platform.lists.set(user, encoded);
  }
});

async function headOf(store: Store) {
  return store.transaction((transaction) => getRecord(transaction, keys.ownList, HeadRecord));
}

function listOf(username: string) {
  return decodeDeviceList(platform.lists.get(device(username).user)!);
}

function device(username: string): Device {
  return platform.devices.find((known) => known.username === username)!;
}

async function enter(username: string, options: { fetch?: typeof fetch } = {}) {
  const store = openMemoryStore();
  const given = { url: platform.url, store, provider: nodeProvider, clock: () => now };
  const client = createClient({ ...given, ...options });
  clients.push(client);
  await client.register({ username, password: PASSWORD });
  await client.connect();
  return { client, store };
}

/** Cuts the connection and waits for the next one, which looks after the keys. */
async function reconnect(client: Client): Promise<void> {
  const connected = new Promise<void>((resolve) => {
    const stop = client.on('connected', () => {
      stop();
      resolve();
    });
  });
  platform.cutAll();
  await connected;
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const options = { timeout: 15_000, interval: 5 };
  await vi.waitFor(async () => expect(await condition()).toBe(true), options);
}
