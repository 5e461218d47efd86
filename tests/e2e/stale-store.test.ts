/** A device that comes back from a copy of its store, on the real platform, which has moved on since. */
import type { UserId } from '@sotto/api';
import { type Client, createClient, type Store } from '@sotto/client';
import { classicSuite, decodeSessionRecord } from '@sotto/crypto';
import { nodeProvider } from '@sotto/crypto/node';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { type Standalone, startStandalone } from '../cluster.ts';
import { copyStore, openLastingStore } from './stores.ts';

const PASSWORD = 'Correct-Horse-7';
const DAY_MS = 24 * 3_600_000;

let platform: Standalone;
const clients: Client[] = [];

beforeAll(async () => {
  platform = await startStandalone();
});
afterAll(() => platform?.close());
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
});

test('a restored store goes on above what its device has published since, with sessions of its own', async () => {
  const bob = await enter('bob', openLastingStore());
  const store = openLastingStore();
  const alice = await enter('alice', store);
  const { id: conversation } = await bob.openDirect(await userOf(alice));
  await bob.whenStored((await bob.sendText(conversation, 'hello')).id);
  await received(alice, conversation, 'hello');
  await alice.whenStored((await alice.sendText(conversation, 'hello too')).id);
  await received(bob, conversation, 'hello too');
  await alice.close();
  const copy = await copyStore(store);

  const later = open(store, 8 * DAY_MS);
  await later.connect();
  await later.close();
  expect(await mayAnySessionSend(copy)).toBe(true);

  const restored = open(copy, 9 * DAY_MS);
  const failures: unknown[] = [];
  restored.on('trouble', ({ error }) => failures.push(error));
  await restored.connect();
  expect(await mayAnySessionSend(copy)).toBe(false);
  expect(failures).toEqual([]);
  await restored.whenStored((await restored.sendText(conversation, 'back')).id);
  await received(bob, conversation, 'back');
  expect(await mayAnySessionSend(copy)).toBe(true);
  await bob.whenStored((await bob.sendText(conversation, 'welcome back')).id);
  await received(restored, conversation, 'welcome back');
}, 90_000);

test('a copy of a store learns from the greeting that its device went on, and reads and writes behind that', async () => {
  const carol = await enter('carol', openLastingStore());
  const store = openLastingStore();
  const dora = await enter('dora', store);
  const erin = await enter('erin', openLastingStore());
  const unreadable = vi.fn();
  for (const friend of [carol, erin]) friend.on('unreadable', unreadable);
  const { id: conversation } = await carol.openDirect(await userOf(dora));
  await carol.whenStored((await carol.sendText(conversation, 'hello')).id);
  await received(dora, conversation, 'hello');
  await dora.whenStored((await dora.sendText(conversation, 'hello too')).id);
  const copied = await copyStore(store);
  for (const text of ['in the other life', 'and once more']) {
    await dora.whenStored((await dora.sendText(conversation, text)).id);
    await received(carol, conversation, text);
  }
  const { id: begunMeanwhile } = await dora.openDirect(await userOf(erin));
  await dora.whenStored((await dora.sendText(begunMeanwhile, 'hello erin')).id);
  await received(erin, begunMeanwhile, 'hello erin');
  await carol.whenStored((await carol.sendText(conversation, 'to the other life')).id);
  await received(dora, conversation, 'to the other life');
  await dora.close();

  // At once: what the platform counts later, the copy would encrypt with the same keys and numbers meanwhile.
  const restored = open(copied);
  await restored.connect();
  const isLeftBehind = async () => expect(await mayAnySessionSend(copied)).toBe(false);
  await vi.waitFor(isLeftBehind, { timeout: 15_000 });
  await received(restored, conversation, 'to the other life');
  for (const [friend, place] of [
    [carol, conversation],
    [erin, begunMeanwhile],
  ] as const) {
    await restored.openDirect(await userOf(friend));
    await restored.whenStored((await restored.sendText(place, 'back')).id);
    await received(friend, place, 'back');
  }
  expect(unreadable).not.toHaveBeenCalled();
}, 90_000);

test('a copy of a store from before a conversation reads all that its device has heard there', async () => {
  const fay = await enter('fay', openLastingStore());
  const store = openLastingStore();
  const gus = await enter('gus', store);
  await listed(store);
  const copied = await copyStore(store);
  const me = await userOf(gus);
  const { id: direct } = await fay.openDirect(me);
  const { id: group } = await fay.groups.create({ members: [me] });
  for (const conversation of [direct, group]) {
    for (const text of ['first', 'second']) {
      await fay.whenStored((await fay.sendText(conversation, text)).id);
    }
    await received(gus, conversation, 'second');
    await gus.whenStored((await gus.sendText(conversation, 'of the other life')).id);
  }
  await gus.close();

  const restored = open(copied);
  const noticed = vi.fn();
  restored.on('store-behind', noticed);
  await restored.connect();
  for (const conversation of [direct, group]) {
    for (const text of ['first', 'second']) await received(restored, conversation, text);
    await fay.whenStored((await fay.sendText(conversation, 'third')).id);
    await received(restored, conversation, 'third');
    await restored.whenStored((await restored.sendText(conversation, 'back')).id);
    await received(fay, conversation, 'back');
  }
  expect(noticed).toHaveBeenCalledTimes(1);
}, 90_000);

test('a first device that is written to before it first connects is no stale copy', async () => {
  const xena = await enter('xena', openLastingStore());
  const yuri = await enter('yuri', openLastingStore());
  const late = open(openLastingStore());
  const [behind, unreadable] = [vi.fn(), vi.fn()];
  late.on('store-behind', behind);
  late.on('unreadable', unreadable);
  const { user } = await late.register({ username: 'ulla', password: PASSWORD });
  const { id: group } = await xena.groups.create({ members: [await userOf(yuri), user] });
  await xena.whenStored((await xena.sendText(group, 'early')).id);
  await received(yuri, group, 'early');
  await late.connect();
  await xena.whenStored((await xena.sendText(group, 'now')).id);
  await received(late, group, 'now');
  expect(await late.history(group)).toHaveLength(1);
  expect(behind).not.toHaveBeenCalled();
  expect(unreadable).not.toHaveBeenCalled();
}, 90_000);

test('the only device of an account that was taken off it comes back with its store, as another one', async () => {
  const ines = await enter('ines', openLastingStore());
  const store = openLastingStore();
  const jon = await enter('jon', store);
  const { id: direct } = await ines.openDirect(await userOf(jon));
  await ines.whenStored((await ines.sendText(direct, 'first')).id);
  await received(jon, direct, 'first');
  await jon.unlink((await jon.me())!.device);
  await jon.close();
  const back = open(store);
  await back.login({ username: 'jon', password: PASSWORD });
  await back.connect();
  await ines.whenStored((await ines.sendText(direct, 'second')).id);
  for (const text of ['first', 'second']) await received(back, direct, text);
  await back.whenStored((await back.sendText(direct, 'here I am')).id);
  await received(ines, direct, 'here I am');
}, 90_000);

/** Resolves when the store has taken in what the platform lists. */
async function listed(store: Store): Promise<void> {
  const check = async () => {
    const found = await store.transaction((transaction) => transaction.get('conversations-listed'));
    expect(found).toBeDefined();
  };
  await vi.waitFor(check, { timeout: 15_000 });
}

async function userOf(client: Client): Promise<UserId> {
  return ((await client.me()) ?? expect.fail('nobody is there')).user;
}

async function mayAnySessionSend(store: Store): Promise<boolean> {
  const records = await store.transaction((transaction) =>
    transaction.list({ prefix: 'session/', limit: 100 }),
  );
  expect(records.length).toBeGreaterThan(0);
  return records.some(({ value }) => {
    const { current } = decodeSessionRecord(classicSuite, value);
    return current !== undefined && !current.receiveOnly;
  });
}

async function received(
  client: Client,
  conversation: Parameters<Client['history']>[0],
  text: string,
): Promise<void> {
  const check = async () => {
    const texts = (await client.history(conversation)).map((item) =>
      item.type === 'message' && item.content.type === 'text' ? item.content.text : item.type,
    );
    expect(texts).toContain(text);
  };
  await vi.waitFor(check, { timeout: 15_000 });
}

async function enter(username: string, store: Store): Promise<Client> {
  const client = open(store);
  await client.register({ username, password: PASSWORD });
  await client.connect();
  return client;
}

function open(store: Store, aheadMs = 0): Client {
  const clock = () => Date.now() + aheadMs;
  const client = createClient({ url: platform.url, store, provider: nodeProvider, clock });
  clients.push(client);
  return client;
}
