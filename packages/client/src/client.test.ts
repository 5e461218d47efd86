import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ApiError, type MessageId, toProblem } from '@sotto/api';
import { nodeProvider } from '@sotto/crypto/node';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type Client, createClient } from './client.ts';
import type { ConversationRecord } from './messages/conversation-record.ts';
import type { Message } from './messages/history-item.ts';
import { type Platform, startPlatform } from './platform/platform.fixture.ts';
import { addressedBy } from './platform/platform-operations.fixture.ts';
import { keys } from './store/key-space.ts';
import type { Store } from './store/store.ts';
import { openMemoryStore } from './store/store-memory.ts';
import { openSqliteStore } from './store/store-sqlite.ts';

let platform: Platform;
let clients: Client[];
let directory: string;

beforeEach(async () => {
  platform = await startPlatform();
  clients = [];
  directory = mkdtempSync(join(tmpdir(), 'sotto-client-'));
});
afterEach(async () => {
  for (const client of clients) await client.close();
  await platform.close();
  rmSync(directory, { recursive: true });
});

test('two people talk, each in turn', async () => {
  const { alice, bob, conversation } = await pair();
  const inbox = collect(bob);
  const outbox = collect(alice);
  await alice.sendText(conversation.id, 'hello');
  await until(() => inbox.texts.length === 1);
  await bob.sendText(conversation.id, 'hello yourself');
  await until(() => outbox.texts.length === 1);
  expect(inbox.texts).toEqual(['hello']);
  expect(outbox.texts).toEqual(['hello yourself']);
  const history = await alice.history(conversation.id);
  expect(history.map((item) => item.type === 'message' && [item.seq, item.own])).toEqual([
    [1, true],
    [2, false],
  ]);
});

test('a hundred messages written at once arrive once and in order', async () => {
  const { alice, bob, conversation } = await pair();
  const inbox = collect(bob);
  const expected = Array.from({ length: 100 }, (_, index) => `number ${index}`);
  await Promise.all(expected.map((text) => alice.sendText(conversation.id, text)));
  await until(() => inbox.texts.length >= 100);
  expect(inbox.texts).toEqual(expected);
});

test('what was written while offline is sent, and what came meanwhile is caught up with', async () => {
  const { alice, bob, conversation } = await pair();
  const offline = await reopened(bob, 'bob');
  await alice.sendText(conversation.id, 'while you were away');
  const written = await offline.sendText(conversation.id, 'while I was away');
  expect(await offline.unsent(conversation.id)).toMatchObject([{ id: written.id }]);
  const inbox = collect(offline);
  await offline.connect();
  await offline.whenStored(written.id);
  expect(await offline.unsent(conversation.id)).toEqual([]);
  await until(() => inbox.texts.length === 1);
  expect(inbox.texts).toEqual(['while you were away']);
});

test('a message whose answer was lost is sent again under the same id and shown once', async () => {
  const { alice, bob, conversation } = await pair();
  const inbox = collect(bob);
  let cuts = 0;
  platform.judge = () => (cuts++ < 3 ? 'cut' : undefined);
  const sent = [];
  for (const text of ['a', 'b', 'c', 'd', 'e']) {
    sent.push(await alice.sendText(conversation.id, text));
  }
  for (const { id } of sent) await alice.whenStored(id);
  await until(() => inbox.texts.length >= 5);
  expect(inbox.texts).toEqual(['a', 'b', 'c', 'd', 'e']);
  expect(platform.rooms[0]?.messages).toHaveLength(5);
});

test('cuts at any moment lose nothing, repeat nothing and reorder nothing', async () => {
  const { alice, bob, conversation } = await pair();
  const inboxes = [collect(alice), collect(bob)];
  const expected = Array.from({ length: 60 }, (_, index) => `${index}`);
  for (const text of expected) {
    await alice.sendText(conversation.id, text);
    await bob.sendText(conversation.id, text);
    if (Number(text) % 7 === 0) platform.cutAll();
  }
  await until(() => inboxes.every(({ texts }) => texts.length >= 60), 20_000);
  for (const { texts, unreadable } of inboxes) {
    expect(texts).toEqual(expected);
    expect(unreadable).toEqual([]);
  }
});

test('a busy platform is asked again, and the order stays', async () => {
  const { alice, bob, conversation } = await pair();
  const inbox = collect(bob);
  let refusals = 0;
  const busy = toProblem(new ApiError('message.busy'));
  platform.judge = () => (refusals++ % 2 === 0 && refusals < 8 ? busy : undefined);
  const expected = Array.from({ length: 40 }, (_, index) => `${index}`);
  await Promise.all(expected.map((text) => alice.sendText(conversation.id, text)));
  await until(() => inbox.texts.length >= 40, 20_000);
  expect(inbox.texts).toEqual(expected);
  expect(refusals).toBeGreaterThan(3);
});

test('a device that is missing is met, and those messages reach it too', async () => {
  const { alice, bob, conversation } = await pair();
  const { id } = await alice.sendText(conversation.id, 'to the first device');
  await alice.whenStored(id);
  const { first, second } = await linked(bob, 'bob');
  const inboxes = [collect(first), collect(second)];
  const added = platform.devices.at(-1)!;
  platform.judge = (message) => {
    const has = addressedBy(message).some((recipient) => recipient.device === added.device);
    if (has) return undefined;
    const missing = [{ user: added.user, device: added.device }];
    return toProblem(new ApiError('message.devices-stale', { devices: { missing, unknown: [] } }));
  };
  const known = platform.calls.filter((call) => call === 'getBundle').length;
  for (const text of ['one', 'two', 'three']) await alice.sendText(conversation.id, text);
  await until(() => inboxes.every(({ texts }) => texts.length === 3));
  for (const { texts } of inboxes) expect(texts).toEqual(['one', 'two', 'three']);
  expect(platform.calls.filter((call) => call === 'getBundle')).toHaveLength(known + 1);
});

test('a message that is refused for good is set aside, and those behind it go on', async () => {
  const { alice, bob, conversation } = await pair();
  const inbox = collect(bob);
  let bad: MessageId | undefined;
  platform.judge = (message) =>
    message.id === bad ? toProblem(new ApiError('request.invalid')) : undefined;
  const failed = vi.fn();
  alice.on('failed', failed);
  const ids = await Promise.all(
    ['a', 'b', 'c'].map((text, index) => {
      const sending = alice.sendText(conversation.id, text);
      return index === 1 ? sending.then(({ id }) => (bad = id)) : sending.then(({ id }) => id);
    }),
  );
  await expect(alice.whenStored(ids[1]!)).rejects.toMatchObject({ code: 'message.refused' });
  await until(() => inbox.texts.length === 2);
  expect(inbox.texts).toEqual(['a', 'c']);
  expect(failed).toHaveBeenCalledWith(expect.objectContaining({ code: 'request.invalid' }));
});

test('a message that the platform changed, moved or repeats is never shown as one', async () => {
  const { alice, bob, conversation } = await pair();
  const inbox = collect(bob);
  await alice.sendText(conversation.id, 'first');
  await until(() => inbox.texts.length === 1);
  platform.show = (slot, to) => {
    if (slot.type !== 'message' || to.username !== 'bob' || slot.seq < 2) return [slot];
    if (slot.seq === 2) return [{ ...slot, ciphertext: slot.ciphertext.with(-1, 0xff) }];
    if (slot.seq === 3) return [{ ...slot, id: platform.rooms[0]!.messages[1]!.stored.id }];
    const [again] = addressedBy(platform.rooms[0]!.messages[0]!.message);
    return [{ ...slot, ciphertext: again!.ciphertext }];
  };
  for (const text of ['changed', 'moved', 'replaced']) await alice.sendText(conversation.id, text);
  await until(() => inbox.unreadable.length === 2);
  platform.show = (slot) => [slot];
  await alice.sendText(conversation.id, 'last');
  await until(() => inbox.texts.length === 2);
  expect(inbox.texts).toEqual(['first', 'last']);
  expect(inbox.unreadable).toEqual(['message.undecryptable', 'message.duplicate']);
});

test('a contact with another identity is not written to until somebody accepts it', async () => {
  const { alice, bob, conversation } = await pair();
  const before = await alice.safetyNumber(device('bob')!.user);
  expect((await bob.safetyNumber(device('alice')!.user)).digits).toBe(before.digits);
  await alice.whenStored((await alice.sendText(conversation.id, 'to the old Bob')).id);
  await bob.close();
  const changed = vi.fn();
  alice.on('identity-changed', changed);
  const anew = newClient(openMemoryStore());
  await anew.login({ username: 'bob', password: 'Secret!23' });
  await anew.connect();
  const inbox = collect(anew);
  const [first, second] = platform.devices.filter(({ username }) => username === 'bob');
  first!.bundle = {};
  platform.judge = (message) => {
    const stale = addressedBy(message).every((recipient) => recipient.device !== second!.device);
    const missing = [{ user: second!.user, device: second!.device }];
    const devices = { missing, unknown: [first!.device] };
    return stale ? toProblem(new ApiError('message.devices-stale', { devices })) : undefined;
  };
  const { id } = await alice.sendText(conversation.id, 'to the new Bob');
  await until(() => changed.mock.calls.length > 0);
  expect(await alice.unsent(conversation.id)).toMatchObject([{ id }]);
  expect(await alice.alarms()).toMatchObject({ identityChanged: [second!.user], logBroken: [] });
  const after = await alice.safetyNumber(second!.user);
  expect(after.digits).not.toBe(before.digits);
  expect((await anew.safetyNumber(device('alice')!.user)).digits).toBe(after.digits);

  await expect(alice.acceptIdentity(second!.user, before.digits)).rejects.toMatchObject({
    code: 'identity.changed',
  });
  expect((await alice.alarms()).identityChanged).toEqual([second!.user]);
  await alice.acceptIdentity(second!.user, after.digits);
  expect(await alice.alarms()).toMatchObject({ identityChanged: [], logBroken: [] });
  await alice.whenStored(id);
  await until(() => inbox.texts.length === 1);
  expect(inbox.texts).toEqual(['to the new Bob']);
});

test('a place that was left out is fetched before what comes after it', async () => {
  const { alice, bob, conversation } = await pair();
  const inbox = collect(bob);
  let hidden = true;
  platform.show = (slot, to) => {
    const isHidden = hidden && to.username === 'bob' && slot.type === 'message' && slot.seq === 2;
    return isHidden ? [] : [slot];
  };
  await alice.sendText(conversation.id, 'one');
  await until(() => inbox.texts.length === 1);
  const { id } = await alice.sendText(conversation.id, 'two');
  await alice.whenStored(id);
  hidden = false;
  await alice.sendText(conversation.id, 'three');
  await until(() => inbox.texts.length === 3);
  expect(inbox.texts).toEqual(['one', 'two', 'three']);
  expect(platform.calls).toContain('listMessages');
});

test('after a restart the loop begins with what was not taken, and goes on', async () => {
  const { alice, bob, conversation } = await pair();
  for (const text of ['one', 'two', 'three']) await alice.sendText(conversation.id, text);
  await until(async () => (await bob.history(conversation.id)).length === 3);
  const taken: string[] = [];
  for await (const message of bob.messages()) {
    taken.push(textOf(message));
    if (taken.length === 2) break;
  }
  const again = await reopened(bob, 'bob');
  for await (const message of again.messages()) {
    taken.push(textOf(message));
    if (taken.length === 4) break;
  }
  expect(taken).toEqual(['one', 'two', 'two', 'three']);
});

test('keys are published once for all, whichever upload is cut', async () => {
  for (const operation of ['publishIdentity', 'publishSignedPrekey', 'publishOneTimePrekeys']) {
    let cuts = 1;
    platform.failCall = (called) => (called === operation && cuts-- > 0 ? 'cut' : undefined);
    const client = newClient(openMemoryStore());
    await client.register({ username: operation, password: 'Secret!23' });
    await client.connect();
    const { oneTimePrekeys } = device(operation)!;
    expect(new Set(oneTimePrekeys.map(({ id }) => id)).size, operation).toBe(100);
    await client.close();
  }
});

test('a registration whose answer was lost is found again by the same store', async () => {
  const store = openMemoryStore();
  const client = newClient(store);
  const credentials = { username: 'carol', password: 'Secret!23' };
  platform.failCall = () => 'cut';
  await expect(client.register(credentials)).rejects.toMatchObject({ code: 'connection.failed' });
  platform.failCall = () => undefined;
  await newClient(openMemoryStore()).register(credentials); // Stands for the lost answer's effect.
  expect(await client.register(credentials)).toMatchObject({ username: 'carol' });
  const stranger = newClient(openMemoryStore());
  await expect(stranger.register(credentials)).rejects.toMatchObject({
    code: 'auth.username-taken',
  });
});

test('an expired token is renewed once, however many calls find it expired', async () => {
  const { alice } = await pair();
  const rejected = new Set<string>();
  let expired = 5;
  platform.failCall = (operation) => {
    if (operation !== 'searchUsers' || expired-- <= 0) return undefined;
    rejected.add(operation);
    return new ApiError('auth.token-expired');
  };
  const found = await Promise.all(Array.from({ length: 5 }, () => alice.findUser('bob')));
  expect(found.every((user) => user?.username === 'bob')).toBe(true);
  expect(platform.calls.filter((call) => call === 'refresh')).toHaveLength(1);
});

test('a session that has ended for a device that was taken off stops the client and says so', async () => {
  const { alice } = await pair();
  const ended = vi.fn();
  alice.on('logged-out', ended);
  platform.failCall = (operation) => {
    if (operation === 'openChallenge') return undefined;
    if (operation === 'loginByDevice') return new ApiError('auth.challenge-wrong');
    return new ApiError(operation === 'refresh' ? 'auth.refresh-invalid' : 'auth.token-invalid');
  };
  platform.cutAll();
  await until(() => ended.mock.calls.length === 1);
  await expect(alice.findUser('bob')).rejects.toMatchObject({ code: 'account.logged-out' });
  await expect(alice.connect()).rejects.toMatchObject({ code: 'account.logged-out' });
  platform.failCall = () => undefined;
  await alice.login({ username: 'alice', password: 'Secret!23' });
  await alice.connect();
  expect(await alice.findUser('bob')).toBeDefined();
});

test('closing leaves nothing that keeps the process alive', async () => {
  const { alice, conversation } = await pair();
  platform.judge = () => toProblem(new ApiError('message.busy', { retryAfter: 3600 }));
  await alice.sendText(conversation.id, 'never sent');
  await until(() => platform.calls.length > 0);
  const timersBefore = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
  for (const client of clients) await client.close();
  const timers = process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
  expect(timers).toBeLessThanOrEqual(timersBefore);
  await expect(alice.sendText(conversation.id, 'late')).rejects.toMatchObject({
    code: 'store.closed',
  });
});

function newClient(store: Store): Client {
  const client = createClient({ url: platform.url, store, provider: nodeProvider });
  clients.push(client);
  return client;
}

function device(username: string) {
  return platform.devices.find((known) => known.username === username);
}

async function enter(name: string): Promise<Client> {
  const client = newClient(openSqliteStore(join(directory, `${name}.db`)));
  await client.register({ username: name, password: 'Secret!23' });
  await client.connect();
  return client;
}

/** The device of a client, and a second one of its account. Linking hands over the identity; here by hand. */
async function linked(client: Client, name: string): Promise<{ first: Client; second: Client }> {
  await client.close();
  const path = join(directory, `${name}.db`);
  const original = openSqliteStore(path);
  const identity = await original.transaction((transaction) => transaction.get(keys.identity));
  await original.close();
  const store = openMemoryStore();
  await store.transaction((transaction) => transaction.put(keys.identity, identity!));
  const [first, second] = [newClient(openSqliteStore(path)), newClient(store)];
  await first.connect();
  await second.login({ username: name, password: 'Secret!23' });
  await second.connect();
  return { first, second };
}

async function pair(): Promise<{ alice: Client; bob: Client; conversation: ConversationRecord }> {
  const [alice, bob] = [await enter('alice'), await enter('bob')];
  const found = await alice.findUser('bob');
  return { alice, bob, conversation: await alice.openDirect(found!.user) };
}

async function reopened(client: Client, name: string): Promise<Client> {
  await client.close();
  return newClient(openSqliteStore(join(directory, `${name}.db`)));
}

const textOf = ({ content }: Message) => (content.type === 'text' ? content.text : '');

function collect(client: Client) {
  const collected = { texts: [] as string[], unreadable: [] as string[] };
  client.on('message', (message) => collected.texts.push(textOf(message)));
  client.on('unreadable', ({ cause }) => collected.unreadable.push(cause));
  return collected;
}

async function until(condition: () => boolean | Promise<boolean>, ms = 10_000): Promise<void> {
  await vi.waitFor(async () => expect(await condition()).toBe(true), { timeout: ms, interval: 5 });
}
