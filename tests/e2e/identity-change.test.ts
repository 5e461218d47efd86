/** Another identity for an account, over a network that fails in the middle of it and beside devices that do the same. */
import { ApiError, type ProblemCode, toProblem } from '@sotto/api';
import { type Client, type ClientEvent, createClient, type Store } from '@sotto/client';
import { nodeProvider } from '@sotto/crypto/node';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { NO_LIMITS, type Standalone, startStandalone } from '../cluster.ts';
import { openLossyNetwork } from './lost-answers.ts';
import { openLastingStore } from './stores.ts';

const PASSWORD = 'Correct-Horse-7';
const BROKEN = { code: 'connection.failed' };
const IDENTITY = '/api/v1/keys/identity';
const TEST_MS = 60_000;
const DAY_MS = 24 * 3_600_000;

type Fetch = typeof globalThis.fetch;

let platform: Standalone;
const clients = new Set<Client>();
let people = 0;

beforeAll(async () => {
  platform = await startStandalone({ environment: NO_LIMITS });
});
afterAll(() => platform?.close());
afterEach(async () => {
  for (const client of clients) await client.close();
  clients.clear();
});

test.each<['GET' | 'PUT', ProblemCode]>([
  ['PUT', 'rate.limited'],
  ['GET', 'rate.limited'],
  ['PUT', 'auth.proof-invalid'],
])(
  'an identity whose answer was lost is kept when the next %s meets %s',
  {
    timeout: TEST_MS,
  },
  async (method, code) => {
    const network = openLossyNetwork();
    let isRefusing = false;
    const fetch: Fetch = async (input, init) => {
      const isMet = isRefusing && isCall(input, init, method);
      return isMet ? refusal(code) : network.fetch(input, init);
    };
    const store = openLastingStore();
    const { client } = await enter('alice', store, fetch);
    const bob = await enter('bob');
    network.lose(IDENTITY);
    await expect(client.renewIdentity()).rejects.toMatchObject(BROKEN);
    isRefusing = true;
    await client.renewIdentity().catch(() => {});
    isRefusing = false;
    await client.connect();
    await isWorking(client, bob);
  },
);

test('a first try that arrives after the second one has left is the same identity', {
  timeout: TEST_MS,
}, async () => {
  let first: (() => Promise<Response>) | undefined;
  let isLate = false;
  const fetch: Fetch = async (input, init) => {
    const send = () => globalThis.fetch(input, init);
    if (!isLate || !isCall(input, init, 'PUT')) return send();
    if (first === undefined) {
      first = send;
      throw new TypeError('still on its way');
    }
    isLate = false;
    expect((await first()).status).toBe(200);
    return send();
  };
  const { client } = await enter('alice', openLastingStore(), fetch);
  const bob = await enter('bob');
  isLate = true;
  await expect(client.renewIdentity()).rejects.toMatchObject(BROKEN);
  await client.renewIdentity();
  await client.connect();
  await isWorking(client, bob);
});

test('an identity that never left goes on after another device has signed a list', {
  timeout: TEST_MS,
}, async () => {
  const network = openCutNetwork();
  const { client } = await enter('alice', openLastingStore(), network.fetch);
  const phone = open(openLastingStore());
  const bob = await enter('bob');
  network.isCut = true;
  await expect(client.renewIdentity()).rejects.toMatchObject(BROKEN);
  network.isCut = false;
  await linkBy(client, phone);
  const told = heard(phone, 'account-compromised');
  await client.connect();
  await vi.waitFor(() => expect(told).toHaveLength(1), { timeout: 10_000 });
  await isWorking(client, bob);
});

test('an identity that never left does not replace one that was made later on another device', {
  timeout: TEST_MS,
}, async () => {
  const network = openCutNetwork();
  const { client: one, username } = await enter('alice');
  const bob = await enter('bob');
  const two = open(openLastingStore(), network.fetch);
  await linkBy(one, two);
  network.isCut = true;
  await expect(two.renewIdentity()).rejects.toMatchObject(BROKEN);
  network.isCut = false;
  await one.renewIdentity();
  const told = heard(two, 'account-compromised');
  await expect(two.connect()).rejects.toMatchObject({ code: 'account.compromised' });
  expect(told).toHaveLength(1);
  await isWorking(one, bob);
  // Whoever was left behind takes the account back with the password alone.
  await expect(two.renewIdentity()).rejects.toMatchObject({ code: 'auth.fresh-needed' });
  await two.login({ username, password: PASSWORD });
  await two.renewIdentity();
  await two.connect();
  await isWorking(two, bob);
});

test('an identity whose answer was lost is kept when the device has lost its key, too', {
  timeout: TEST_MS,
}, async () => {
  const network = openLossyNetwork();
  const store = openLastingStore();
  const { client, username } = await enter('alice', store, network.fetch);
  const bob = await enter('bob');
  network.lose(IDENTITY);
  await expect(client.renewIdentity()).rejects.toMatchObject(BROKEN);
  const before = await client.me();
  await client.close();
  await store.transaction((transaction) => transaction.delete('device-key'));
  const moved = open(store);
  await moved.login({ username, password: PASSWORD });
  expect((await moved.me())?.device).not.toBe(before?.device);
  await moved.connect();
  await isWorking(moved, bob);
});

test('contacts are told of another identity, and not of a list that it has signed before they accept it', {
  timeout: TEST_MS,
}, async () => {
  const { client, user } = await enter('alice');
  const bob = await enter('bob');
  await isWorking(client, bob);
  const { id } = await bob.client.openDirect(user);
  await bob.client.whenStored((await bob.client.sendText(id, 'met')).id);
  const changed = heard(bob.client, 'identity-changed');
  const warned = heard(bob.client, 'device-list-warning');
  await client.renewIdentity();
  await vi.waitFor(() => expect(changed).not.toEqual([]), { timeout: 10_000 });
  const { id: waiting } = await bob.client.sendText(id, 'once it is decided');
  await isWorking(client, bob);
  await bob.client.whenStored(waiting);
  expect(changed).toEqual([{ user }]);
  expect(warned).toEqual([]);
  expect((await bob.client.alarms()).notices).toEqual([]);
});

test('a device that was left behind is told so also when it cannot connect any more', {
  timeout: TEST_MS,
}, async () => {
  const { client: one } = await enter('alice');
  const store = openLastingStore();
  const two = open(store);
  await linkBy(one, two);
  await two.close();
  await one.renewIdentity();
  const later = open(store, globalThis.fetch, () => Date.now() + 8 * DAY_MS);
  const told = heard(later, 'account-compromised');
  const ended = heard(later, 'disconnected');
  await expect(later.connect()).rejects.toMatchObject({ code: 'account.compromised' });
  expect(told).toHaveLength(1);
  expect(ended).toEqual([{ error: expect.objectContaining({ code: 'account.compromised' }) }]);
});

test('what takes a password says so, and goes on after a log-in with it', {
  timeout: TEST_MS,
}, async () => {
  let isFresh = true;
  const fetch: Fetch = async (input, init) => {
    if (String(input).endsWith('/auth/login')) isFresh = true;
    const isMet = !isFresh && isCall(input, init, 'PUT');
    return isMet ? refusal('auth.fresh-needed') : globalThis.fetch(input, init);
  };
  const { client, username } = await enter('alice', openLastingStore(), fetch);
  const bob = await enter('bob');
  const account = { username, password: PASSWORD };
  isFresh = false;
  await expect(client.renewIdentity()).rejects.toMatchObject({ code: 'auth.fresh-needed' });
  await client.connect();
  await isWorking(client, bob);
  await client.login(account);
  await client.renewIdentity();
  await isWorking(client, bob);

  const stranger = open(openLastingStore(), fetch);
  await stranger.login(account);
  isFresh = false;
  await expect(stranger.connect()).rejects.toMatchObject({ code: 'auth.fresh-needed' });
  await stranger.login(account);
  await stranger.connect();
  await isWorking(stranger, bob);
});

async function enter(name: string, store = openLastingStore(), fetch: Fetch = globalThis.fetch) {
  const client = open(store, fetch);
  const username = `${name}${Date.now()}${++people}`;
  const { user } = await client.register({ username, password: PASSWORD });
  await client.connect();
  return { client, username, user };
}

function open(store: Store, fetch: Fetch = globalThis.fetch, clock = Date.now): Client {
  const client = createClient({ url: platform.url, store, provider: nodeProvider, fetch, clock });
  clients.add(client);
  return client;
}

async function linkBy(old: Client, young: Client): Promise<void> {
  const { code, completed } = await young.beginLink();
  await old.completeLink(code);
  await completed;
  await young.connect();
}

/** Whether somebody who takes it for the account's identity gets what it says. */
async function isWorking(client: Client, bob: Awaited<ReturnType<typeof enter>>): Promise<void> {
  const me = await client.me();
  const { id } = await client.openDirect(bob.user);
  if (me !== undefined) await bob.client.acceptIdentity(me.user);
  const text = `message ${++people}`;
  await client.whenStored((await client.sendText(id, text)).id);
  await vi.waitFor(
    async () => {
      const texts = (await bob.client.history(id)).map(
        (item) => item.type === 'message' && item.content.type === 'text' && item.content.text,
      );
      expect(texts).toContain(text);
    },
    { timeout: 10_000 },
  );
}

/** A network by which no change of an identity leaves while it is cut. */
function openCutNetwork() {
  const network = {
    isCut: false,
    fetch: (async (input, init) => {
      if (network.isCut && isCall(input, init, 'PUT')) throw new TypeError('cut');
      return fetch(input, init);
    }) satisfies Fetch,
  };
  return network;
}

function isCall(input: Parameters<Fetch>[0], init: RequestInit | undefined, method: string) {
  const { pathname } = new URL(String(input));
  return (init?.method ?? 'GET') === method && pathname.startsWith(IDENTITY);
}

function refusal(code: ProblemCode): Response {
  const error = new ApiError(code, { retryAfter: 30 });
  return new Response(JSON.stringify(toProblem(error)), {
    status: error.status,
    headers: { 'content-type': 'application/problem+json' },
  });
}

function heard(client: Client, name: ClientEvent) {
  const events: object[] = [];
  client.on(name, (event) => events.push(event));
  return events;
}
