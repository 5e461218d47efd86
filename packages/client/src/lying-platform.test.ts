/** The platform against its users: what it says is held to what was asked, known and encrypted. */
import { randomUUID } from 'node:crypto';
import {
  ApiError,
  type Bundle,
  type Conversation,
  type ConversationId,
  type DeviceId,
  type Login,
  MessageId,
  toProblem,
  type UserId,
} from '@sotto/api';
import {
  classicSuite,
  encryptMessage,
  type Identity,
  makeIdentity,
  sealEnvelope,
  startSession,
  verifyBundle,
} from '@sotto/crypto';
import { nodeProvider } from '@sotto/crypto/node';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type Client, type ClientOptions, createClient } from './client.ts';
import { BACK_OFF_MS_FIRST } from './limits.ts';
import { encodeContent } from './messages/content.ts';
import type { HistoryItem } from './messages/history-item.ts';
import { startPlatform } from './platform/platform.fixture.ts';
import {
  addressedBy,
  type Device,
  NOW,
  type Platform,
} from './platform/platform-operations.fixture.ts';
import { openMemoryStore } from './store/store-memory.ts';

const PASSWORD = 'Secret!23';
const INVALID = { code: 'answer.invalid' };

let platform: Platform;
let clients: Client[];

beforeEach(async () => {
  platform = await startPlatform();
  clients = [];
});
afterEach(async () => {
  for (const client of clients) await client.close();
  await platform.close();
});

test('an invented device of our own account is neither believed nor written to', async () => {
  const { alice, conversation } = await pair();
  const unreadable = collect(alice, 'unreadable');
  const invented = { ...device('alice'), device: randomUUID() as DeviceId };
  const identity = makeIdentity(nodeProvider);
  deliver(forge(device('alice'), { from: invented, identity, conversation }), conversation);
  await until(() => unreadable.length === 1);
  expect(unreadable).toMatchObject([{ cause: 'identity.changed' }]);
  await alice.whenStored((await alice.sendText(conversation, 'for Bob alone')).id);
  expect(recipientsOf('alice')).toEqual([device('bob').device]);
});

test('a message that claims to be from this very device is not read', async () => {
  const { alice, conversation } = await pair();
  const unreadable = collect(alice, 'unreadable');
  const identity = makeIdentity(nodeProvider);
  const from = device('alice');
  deliver(forge(device('alice'), { from, identity, conversation }), conversation);
  await until(() => unreadable.length === 1);
  expect(unreadable).toMatchObject([{ cause: 'sender.invalid' }]);
});

test('a conversation that is not the one asked for is refused', async () => {
  let lie = (answer: Conversation) => answer;
  const alice = await enter('alice', {
    fetch: lyingFetch<Conversation>('/conversations', (it) => lie(it)),
  });
  for (const name of ['bob', 'mallory']) await enter(name);
  const [bob, mallory] = [device('bob').user, device('mallory').user];
  const lies: (typeof lie)[] = [
    (answer) => ({ ...answer, members: [...answer.members, mallory] }),
    (answer) => ({ ...answer, members: [device('alice').user, mallory] }),
    (answer) => ({ ...answer, members: [bob, mallory] }),
    (answer) => ({ ...answer, members: [bob, bob] }),
  ];
  for (lie of lies) await expect(alice.openDirect(bob)).rejects.toMatchObject(INVALID);
  expect(await alice.conversations()).toEqual([]);

  lie = (answer) => answer;
  const known = await alice.openDirect(bob);
  lie = (answer) => ({ ...answer, id: known.id });
  await expect(alice.openDirect(mallory)).rejects.toMatchObject(INVALID);
  expect(await alice.conversations()).toEqual([known]);
});

test('a conversation that the platform describes under another id is not kept', async () => {
  const other = randomUUID() as ConversationId;
  const lie = (answer: Conversation) => ({ ...answer, id: other });
  const alice = await enter('alice', { fetch: lyingFetch('/conversations/', lie) });
  const bob = await enter('bob');
  const trouble = vi.fn();
  alice.on('trouble', trouble);
  const { id } = await bob.openDirect(device('alice').user);
  await bob.whenStored((await bob.sendText(id, 'hello')).id);
  await until(() => trouble.mock.calls.length > 0);
  expect(trouble).toHaveBeenCalledWith({ error: expect.objectContaining(INVALID) });
  expect(await alice.conversations()).toEqual([]);
});

test('a stranger cannot write into a conversation of others', async () => {
  const { alice, conversation } = await pair();
  await enter('mallory');
  const unreadable = collect(alice, 'unreadable');
  const identity = makeIdentity(nodeProvider);
  const from = device('mallory');
  deliver(forge(device('alice'), { from, identity, conversation }), conversation);
  await until(() => unreadable.length === 1);
  expect(unreadable).toMatchObject([{ cause: 'sender.invalid' }]);
});

test('whoever writes in the name of somebody whom we never met is found out by the key log', async () => {
  const { alice, bob, conversation } = await pair();
  await bob.close();
  const broken = vi.fn();
  alice.on('key-log-broken', broken);
  const identity = makeIdentity(nodeProvider);
  const from = device('bob');
  // The platform says so wherever it is asked, but it cannot put it into the log unseen.
  from.identityKey = identity.publicKey;
  deliver(forge(device('alice'), { from, identity, conversation }), conversation);
  await until(() => broken.mock.calls.length > 0);
  expect(broken).toHaveBeenCalledWith({ user: from.user, cause: 'identity.changed' });
  expect((await alice.alarms()).logBroken).toEqual([from.user]);
  const trouble = vi.fn();
  alice.on('trouble', trouble);
  await alice.sendText(conversation, 'is it you?');
  await until(() => trouble.mock.calls.length > 0);
  expect(trouble).toHaveBeenCalledWith({
    error: expect.objectContaining({ code: 'key-log.broken' }),
  });
  expect(recipientsOf('alice')).toEqual([]);
});

test('a second greeting ends the connection, and what waits is sent once over the next', async () => {
  const { alice, bob, conversation } = await pair();
  const ended = vi.fn();
  alice.on('disconnected', ended);
  const { user, device: name, socket } = device('alice');
  socket!.send(JSON.stringify({ type: 'hello', user, device: name, incarnation: 1 }));
  await alice.sendText(conversation, 'hello');
  await until(() => ended.mock.calls.length > 0);
  expect(ended).toHaveBeenCalledWith(
    expect.objectContaining({ error: expect.objectContaining(INVALID) }),
  );
  await until(async () => (await textsOf(bob, conversation)).length > 0);
  expect(await textsOf(bob, conversation)).toEqual(['hello']);
});

test('no answer puts a message of ours over one that is there', async () => {
  const { alice, bob, conversation } = await pair();
  const trouble = vi.fn();
  alice.on('trouble', trouble);
  await bob.sendText(conversation, 'from Bob');
  await until(async () => (await textsOf(alice, conversation)).length === 1);
  platform.judge = ({ id }, number) => {
    const stored = { number, id, conversation, seq: 1, sentAt: NOW };
    device('alice').socket!.send(JSON.stringify({ type: 'stored', ...stored }));
    platform.judge = () => undefined;
    return 'cut';
  };
  const { id } = await alice.sendText(conversation, 'from Alice');
  expect(await alice.whenStored(id)).toEqual({ conversation, seq: 2 });
  expect(trouble).toHaveBeenCalledWith({ error: expect.objectContaining(INVALID) });
  expect(await textsOf(alice, conversation)).toEqual(['from Bob', 'from Alice']);
});

test('no arrival is put over a message of ours', async () => {
  const { alice, bob, conversation } = await pair();
  const trouble = vi.fn();
  alice.on('trouble', trouble);
  platform.show = (slot, to) => {
    if (to.username !== 'alice') return [slot];
    if (slot.type === 'none' || slot.seq < 3) return [];
    return [
      { type: 'none', from: 1, to: 1 },
      { ...slot, seq: 2 },
    ];
  };
  await bob.whenStored((await bob.sendText(conversation, 'held back')).id);
  await alice.whenStored((await alice.sendText(conversation, 'from Alice')).id);
  await bob.whenStored((await bob.sendText(conversation, 'in her place')).id);
  platform.cutAll();
  await until(() => trouble.mock.calls.length > 0);
  expect(trouble).toHaveBeenCalledWith({ error: expect.objectContaining(INVALID) });
  expect(await textsOf(alice, conversation)).toEqual(['from Alice']);
});

test('a log-in does not hand the store to another account or device', async () => {
  let lie = (answer: Login) => answer;
  const options = { fetch: lyingFetch<Login>('/auth/login', (it) => lie(it)) };
  const alice = await enter('alice', options);
  const me = await alice.me();
  const another = randomUUID();
  for (lie of [
    (answer: Login) => ({ ...answer, user: another as UserId }),
    (answer: Login) => ({ ...answer, device: another as DeviceId }),
  ]) {
    const loggingIn = alice.login({ username: 'alice', password: PASSWORD });
    await expect(loggingIn).rejects.toMatchObject(INVALID);
  }
  expect(await alice.me()).toEqual(me);
});

test.each<[string, (answer: Bundle) => Bundle]>([
  ['without devices', (answer) => ({ ...answer, devices: [] })],
  ['of somebody else', (answer) => ({ ...answer, user: randomUUID() as UserId })],
])('a bundle %s is refused, and asked for again after a pause', async (_, lie) => {
  const alice = await enter('alice', { fetch: lyingFetch('/keys/bundle/', lie) });
  await enter('bob');
  const trouble = vi.fn();
  alice.on('trouble', trouble);
  const { id } = await alice.openDirect(device('bob').user);
  const start = performance.now();
  await alice.sendText(id, 'hello');
  await until(() => trouble.mock.calls.length >= 3);
  expect(performance.now() - start).toBeGreaterThan((BACK_OFF_MS_FIRST * 3) / 2 - 10);
  expect(trouble).toHaveBeenCalledWith({ error: expect.objectContaining(INVALID) });
});

test('devices that never come are asked for after growing pauses', async () => {
  const { alice, conversation } = await pair();
  const missing = [{ user: device('bob').user, device: randomUUID() as DeviceId }];
  const times: number[] = [];
  platform.judge = () => {
    if (times.push(performance.now()) > 3) return undefined;
    return toProblem(new ApiError('message.devices-stale', { devices: { missing, unknown: [] } }));
  };
  await alice.whenStored((await alice.sendText(conversation, 'hello')).id);
  expect(times.at(-1)! - times[0]!).toBeGreaterThan(BACK_OFF_MS_FIRST * 3 - 10);
  expect(recipientsOf('alice')).toEqual([device('bob').device]);
});

test('the first messages of a sender are missed like any others, except by a device that joined late', async () => {
  const { alice, conversation } = await pair();
  const options = { url: platform.url, store: openMemoryStore(), provider: nodeProvider };
  const late = createClient(options);
  clients.push(late);
  await late.login({ username: 'alice', password: PASSWORD });
  await late.connect();
  const inboxes = [collect(alice, 'message'), collect(late, 'message')];
  const identity = makeIdentity(nodeProvider);
  const from = device('bob');
  for (const [index, to] of platform.devices.filter((it) => it.username === 'alice').entries()) {
    deliver(forge(to, { from, identity, conversation, counter: 3 }), conversation);
    await until(() => inboxes[index]!.length === 1);
  }
  expect(inboxes).toMatchObject([[{ order: 'gap' }], [{ order: 'next' }]]);
  const [first] = platform.devices;
  deliver(forge(first!, { from, identity, conversation, counter: 2 }), conversation);
  await until(() => inboxes[0]!.length === 2);
  expect(inboxes[0]).toMatchObject([{ order: 'gap' }, { order: 'late' }]);
});

test('a run of empty places beyond all there are does not make a conversation deaf', async () => {
  const { alice, bob, conversation } = await pair();
  const inbox = collect(alice, 'message');
  const to = Number.MAX_SAFE_INTEGER;
  const slots = [{ type: 'none', from: 1, to }];
  device('alice').socket!.send(JSON.stringify({ type: 'slots', conversation, slots }));
  await until(() => device('alice').cursors.get(conversation) === to);
  await bob.sendText(conversation, 'one');
  await until(() => inbox.length === 1);
  let hidden = true;
  platform.show = (slot, { username }) => (hidden && username === 'alice' ? [] : [slot]);
  await bob.whenStored((await bob.sendText(conversation, 'two')).id);
  hidden = false;
  await bob.sendText(conversation, 'three');
  await until(() => inbox.length === 3);
  expect(await textsOf(alice, conversation)).toEqual(['one', 'two', 'three']);
  expect(inbox).toMatchObject([{ order: 'next' }, { order: 'next' }, { order: 'next' }]);
});

interface Forgery {
  readonly from: Device;
  readonly identity: Identity;
  readonly conversation: ConversationId;
  readonly counter?: number;
}

/** A first message to a device, as whoever holds `identity` can make it in another's name. */
function forge(to: Device, { from, identity, conversation, counter = 1 }: Forgery) {
  const id = MessageId.parse(`0190b0a0-0000-7000-8000-${randomUUID().slice(24)}`);
  const { registrationId, signedPrekey } = to.bundle;
  const bundle = verifyBundle(nodeProvider, {
    identityKey: to.identityKey!,
    registrationId: registrationId!,
    signedPrekey: signedPrekey!,
  });
  const crypto = { provider: nodeProvider, suite: classicSuite };
  const local = { identity, address: addressOf(from), registrationId: 7 };
  const started = startSession(crypto, {
    ...{ local, bundle, now: Date.now(), pinnedIdentity: undefined },
    remoteAddress: addressOf(to),
  });
  const content = encodeContent({ type: 'text', text: 'I never wrote this' });
  const head = { conversation, message: id, sender: addressOf(from), counter, time: Date.now() };
  const { message: ciphertext } = encryptMessage(crypto, started, {
    plaintext: sealEnvelope({ ...head, deviceLists: [], content }),
    pinnedIdentity: bundle.identityKey,
    now: Date.now(),
  });
  return { id, from, recipients: [{ device: to.device, ciphertext }] };
}

/** Puts a message into a conversation without asking anybody, and lets every device catch up. */
function deliver({ id, from, recipients }: ReturnType<typeof forge>, conversation: ConversationId) {
  const { messages } = platform.rooms.find((room) => room.id === conversation)!;
  const stored = { id, conversation, seq: messages.length + 1, sentAt: NOW };
  messages.push({ message: { kind: 'direct', id, conversation, recipients }, from, stored });
  platform.cutAll();
}

/** A platform whose answers at paths with `part` in them say something else. */
function lyingFetch<T>(part: string, lie: (answer: T) => T): typeof fetch {
  return async (target, init) => {
    const response = await fetch(target, init);
    if (!String(target).includes(part) || !response.ok) return response;
    return Response.json(lie((await response.json()) as T));
  };
}

function addressOf({ user, device: name }: Device): { user: UserId; device: DeviceId } {
  return { user, device: name };
}

async function textsOf(client: Client, conversation: ConversationId): Promise<string[]> {
  const items = await client.history(conversation);
  return items.map((item) =>
    item.type === 'message' && item.content.type === 'text' ? item.content.text : '',
  );
}

function recipientsOf(username: string): DeviceId[] {
  const sent = platform.rooms.flatMap((room) => room.messages);
  const last = sent.findLast(({ from }) => from.device === device(username).device);
  return last === undefined ? [] : addressedBy(last.message).map((recipient) => recipient.device);
}

function device(username: string): Device {
  return platform.devices.find((known) => known.username === username)!;
}

async function enter(username: string, options: Partial<ClientOptions> = {}): Promise<Client> {
  const { url } = platform;
  const given = { url, store: openMemoryStore(), provider: nodeProvider, ...options };
  const client = createClient(given);
  clients.push(client);
  await client.register({ username, password: PASSWORD });
  await client.connect();
  return client;
}

async function pair(): Promise<{ alice: Client; bob: Client; conversation: ConversationId }> {
  const [alice, bob] = [await enter('alice'), await enter('bob')];
  const { id } = await alice.openDirect(device('bob').user);
  return { alice, bob, conversation: id };
}

function collect(client: Client, type: 'message' | 'unreadable') {
  const collected: HistoryItem[] = [];
  client.on(type, (item) => collected.push(item));
  return collected;
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const options = { timeout: 10_000, interval: 5 };
  await vi.waitFor(async () => expect(await condition()).toBe(true), options);
}
