/** Sessions and sender keys that are lost, on the real platform: all is shown in the end, in its place, once. */
import type { ConversationId, UserId } from '@sotto/api';
import { type Client, createClient, type Store } from '@sotto/client';
import { nodeProvider } from '@sotto/crypto/node';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { type Standalone, startStandalone } from '../cluster.ts';
import { copyStore, openLastingStore } from './stores.ts';

const PASSWORD = 'Correct-Horse-7';

let platform: Standalone;
const clients: Client[] = [];
const unreadable = vi.fn();

beforeAll(async () => {
  platform = await startStandalone();
});
afterAll(() => platform?.close());
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
  unreadable.mockClear();
});

test('two devices go on talking when first one and then both have lost their sessions', async () => {
  const [alice, bob] = [await enter('alice1'), await enter('bob1')];
  const { id: conversation } = await alice.client.openDirect(bob.user);
  await say(alice, bob, { conversation, text: 'hello' });
  await say(bob, alice, { conversation, text: 'hello too' });
  await damage(bob.store, 'session/');
  await say(alice, bob, { conversation, text: 'are you there?' });
  expect(unreadable).toHaveBeenCalled();
  for (const { store } of [alice, bob]) await damage(store, 'session/');
  const numbers = [0, 1, 2, 3, 4, 5];
  for (const number of numbers) {
    await alice.client.sendText(conversation, `alice ${number}`);
    await bob.client.sendText(conversation, `bob ${number}`);
  }
  const ofBob = ['hello too', ...numbers.map((number) => `bob ${number}`)];
  const ofAlice = ['hello', 'are you there?', ...numbers.map((number) => `alice ${number}`)];
  await isRead(alice.client, conversation, ofBob);
  await isRead(bob.client, conversation, ofAlice);
}, 90_000);

test('who comes back from an old copy of the store reads and is read, with nothing left out', async () => {
  const [alice, bob] = [await enter('alice2'), await enter('bob2')];
  const { id: conversation } = await alice.client.openDirect(bob.user);
  await say(alice, bob, { conversation, text: 'hello' });
  await say(bob, alice, { conversation, text: 'hello too' });
  const copy = await copyStore(bob.store);
  // Each turn makes other keys on both sides, of which the copy knows nothing.
  for (const turn of [1, 2, 3]) {
    await say(bob, alice, { conversation, text: `in the other life ${turn}` });
    await say(alice, bob, { conversation, text: `to the other life ${turn}` });
  }
  await bob.client.close();
  await alice.client.sendText(conversation, 'while nobody was there');
  const restored = { ...bob, store: copy, client: open(copy) };
  await restored.client.connect();
  await restored.client.sendText(conversation, 'back');
  await alice.client.sendText(conversation, 'welcome back');
  await isRead(restored.client, conversation, [
    'hello',
    ...[1, 2, 3].map((turn) => `to the other life ${turn}`),
    'while nobody was there',
    'welcome back',
  ]);
  expect(unreadable).toHaveBeenCalled();
  await isRead(alice.client, conversation, [
    'hello too',
    ...[1, 2, 3].map((turn) => `in the other life ${turn}`),
    'back',
  ]);
}, 120_000);

test('a group goes on when members have lost sender keys, sessions, and one of them a week of its store', async () => {
  const [alice, bob, carol] = [await enter('alice3'), await enter('bob3'), await enter('carol3')];
  const members = [bob.user, carol.user];
  const { id: conversation } = await alice.client.groups.create({ members });
  await say(alice, carol, { conversation, text: 'alice begins' });
  await say(bob, carol, { conversation, text: 'bob too' });
  await say(carol, alice, { conversation, text: 'carol as well' });
  await isRead(bob.client, conversation, ['alice begins', 'carol as well']);
  const copy = await copyStore(carol.store);

  await forget(bob.store, 'sender-key/');
  for (const { store } of [alice, bob]) await damage(store, 'session/');
  for (const number of [1, 2]) {
    for (const [name, party] of Object.entries({ alice, bob, carol })) {
      await party.client.whenStored(
        (await party.client.sendText(conversation, `${name} ${number}`)).id,
      );
    }
  }
  const wholeFor = (own: string) => [
    ...['alice begins', 'bob too', 'carol as well'].filter((text) => !text.startsWith(own)),
    ...[1, 2].flatMap((number) =>
      ['alice', 'bob', 'carol'].filter((name) => name !== own).map((name) => `${name} ${number}`),
    ),
  ];
  await isRead(alice.client, conversation, wholeFor('alice'));
  await isRead(bob.client, conversation, wholeFor('bob'));
  await isRead(carol.client, conversation, wholeFor('carol'));
  expect(unreadable).toHaveBeenCalled();

  await carol.client.close();
  await damage(copy, 'session/');
  const restored = { ...carol, store: copy, client: open(copy) };
  await restored.client.connect();
  await alice.client.sendText(conversation, 'alice 3');
  await isRead(restored.client, conversation, [...wholeFor('carol'), 'alice 3']);
  await restored.client.sendText(conversation, 'carol is back');
  await isRead(alice.client, conversation, [...wholeFor('alice'), 'carol is back']);
}, 180_000);

interface Party {
  readonly client: Client;
  readonly store: Store;
  readonly user: UserId;
}

async function enter(username: string): Promise<Party> {
  const store = openLastingStore();
  const client = open(store);
  await client.register({ username, password: PASSWORD });
  await client.connect();
  const { user } = (await client.me()) ?? expect.fail('nobody is there');
  return { client, store, user };
}

function open(store: Store): Client {
  const client = createClient({ url: platform.url, store, provider: nodeProvider });
  client.on('unreadable', unreadable);
  clients.push(client);
  return client;
}

/** Makes what lies there unreadable. */
async function damage(store: Store, prefix: string): Promise<void> {
  await store.transaction(async (transaction) => {
    const entries = await transaction.list({ prefix, limit: 1000 });
    expect(entries.length).toBeGreaterThan(0);
    for (const { key, value } of entries) await transaction.put(key, value.toReversed());
  });
}

async function forget(store: Store, prefix: string): Promise<void> {
  await store.transaction(async (transaction) => {
    const entries = await transaction.list({ prefix, limit: 1000 });
    expect(entries.length).toBeGreaterThan(0);
    for (const { key } of entries) await transaction.delete(key);
  });
}

async function say(
  from: Party,
  to: Party,
  { conversation, text }: { conversation: ConversationId; text: string },
): Promise<void> {
  await from.client.sendText(conversation, text);
  const check = async () => expect(await othersIn(to.client, conversation)).toContain(text);
  await vi.waitFor(check, { timeout: 15_000 });
}

/** What the others have said is this, in this order, and nothing is unreadable. */
async function isRead(
  client: Client,
  conversation: ConversationId,
  texts: readonly string[],
): Promise<void> {
  const check = async () => expect(await othersIn(client, conversation)).toEqual(texts);
  await vi.waitFor(check, { timeout: 60_000, interval: 100 });
}

async function othersIn(client: Client, conversation: ConversationId): Promise<string[]> {
  const items = await client.history(conversation, { limit: 1000 });
  return items.flatMap((item) => {
    if (item.type === 'unreadable') return [`unreadable: ${item.cause}`];
    if (item.type !== 'message' || item.own) return [];
    return item.content.type === 'text' ? [item.content.text] : [];
  });
}
