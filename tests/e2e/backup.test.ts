/** Backups and history on linking, on the platform as users run it: what is lost comes back, as another device. */
import { mkdtempSync, openAsBlob, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConversationId, DeviceId, UserId } from '@sotto/api';
import {
  type Client,
  type ClientEvent,
  createClient,
  type Observable,
  type Store,
} from '@sotto/client';
import { exportBackup, makeRecoveryKey, restoreBackup } from '@sotto/client/backup';
import { openSqliteStore } from '@sotto/client/sqlite';
import { nodeProvider } from '@sotto/crypto/node';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { NO_LIMITS, type Standalone, startStandalone } from '../cluster.ts';

const PASSWORD = 'Correct-Horse-7';
const TEST = { timeout: 120_000 };
const options = { provider: nodeProvider };

let platform: Standalone;
let directory: string;
const clients = new Set<Client>();
let people = 0;

// Most of a test waits for the key log, so they wait together.
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'sotto backup '));
  platform = await startStandalone({ environment: NO_LIMITS });
});
afterAll(async () => {
  for (const client of clients) await client.close();
  await platform?.close();
  rmSync(directory, { recursive: true, force: true });
});

test.concurrent(
  'a device that is gone comes back as another one, with its history and its identity',
  TEST,
  async () => {
    const { alice, bob, conversation } = await pair();
    await say(alice, conversation, 'from her');
    await say(bob, conversation, 'from him');
    await until(async () => (await textsOf(alice, conversation)).length === 2);
    const [words, path] = [makeRecoveryKey(), join(directory, `${alice.username}.backup`)];
    await writeFile(path, await alice.client.exportBackup(words));
    await alice.client.close();
    await say(bob, conversation, 'nobody heard');
    const warned = heard(bob.client, 'identity-changed');
    const numbers = await bob.client.safetyNumber(alice.user);

    const again = { ...alice, client: open(openStore()) };
    const restored = await again.client.restoreBackup(words, await openAsBlob(path));
    expect(restored).toMatchObject({ user: alice.user, username: alice.username });
    const me = await again.client.login({ username: restored.username, password: PASSWORD });
    expect(me).toMatchObject({ user: alice.user });
    expect(me.device).not.toBe(alice.device);
    await again.client.connect();
    expect(await textsOf(again, conversation)).toEqual(['from her', 'from him']);
    await say(bob, conversation, 'welcome back');
    await say(again, conversation, 'thank you');
    await until(async () => (await textsOf(again, conversation)).length === 4);
    await until(async () => (await textsOf(bob, conversation)).includes('thank you'));
    expect(await textsOf(again, conversation)).toEqual([
      'from her',
      'from him',
      'welcome back',
      'thank you',
    ]);
    expect(await again.client.safetyNumber(bob.user)).toMatchObject({ digits: numbers.digits });
    expect(warned).toEqual([]);

    // The device that was lost is still one, until it is taken off.
    await again.client.unlink(alice.device);
    expect(await again.client.devices()).toHaveLength(1);
  },
);

test.concurrent(
  'the old device goes on beside the one that was made from its backup',
  TEST,
  async () => {
    const { alice, bob, conversation } = await pair();
    await say(bob, conversation, 'before');
    await until(async () => (await textsOf(alice, conversation)).length === 1);
    const behind = heard(alice.client, 'store-behind');
    const twin = await restore(alice);
    await twin.client.connect();
    const said = ['before'];
    for (const device of [alice, twin, bob, twin, alice]) {
      said.push(`${said.length}`);
      await say(device, conversation, said.at(-1)!);
      for (const each of [alice, twin, bob]) {
        await until(async () => (await textsOf(each, conversation)).length === said.length);
      }
    }
    for (const each of [alice, twin, bob]) expect(await textsOf(each, conversation)).toEqual(said);
    expect(behind).toEqual([]);
  },
);

test.concurrent('what was restored belongs to its account, and to no other', TEST, async () => {
  const { alice, bob } = await pair();
  const twin = await restoreStore(alice);
  const exists = { code: 'account.exists' };
  const his = { username: bob.username, password: PASSWORD };
  await expect(twin.login(his)).rejects.toMatchObject(exists);
  await expect(twin.register({ ...his, username: `${bob.username}2` })).rejects.toMatchObject(
    exists,
  );
  expect(await twin.me()).toBeUndefined();
  const link = await twin.beginLink();
  const completing = bob.client.completeLink(link.code).catch((error: unknown) => error);
  await expect(link.completed).rejects.toMatchObject(exists);
  await bob.client.close();
  await completing;
  await twin.login({ username: alice.username.toUpperCase(), password: PASSWORD });
  await twin.connect();
});

test.concurrent(
  'a backup of before the identity was renewed brings the past, and its owner is asked',
  TEST,
  async () => {
    const { alice, bob, conversation } = await pair();
    await say(bob, conversation, 'before');
    await until(async () => (await textsOf(alice, conversation)).length === 1);
    const twin = await restore(alice);
    await alice.client.renewIdentity();
    const compromised = { code: 'account.compromised' };
    await expect(twin.client.connect()).rejects.toMatchObject(compromised);
    expect(await textsOf(twin, conversation)).toEqual(['before']);
    const { code, completed } = await twin.client.beginLink();
    await alice.client.completeLink(code);
    await completed;
    await twin.client.connect();
    await bob.client.acceptIdentity(alice.user);
    await say(bob, conversation, 'after');
    await until(async () => (await textsOf(twin, conversation)).length === 2);
  },
);

test.concurrent('a device is linked with what was said lately, or without', TEST, async () => {
  const { alice, bob, conversation } = await pair();
  await say(alice, conversation, 'from her');
  await say(bob, conversation, 'from him');
  await until(async () => (await textsOf(alice, conversation)).length === 2);
  const [phone, tablet] = [
    { ...alice, client: open(openStore()) },
    { ...alice, client: open(openStore()) },
  ];
  const lost = heard(phone.client, 'history-lost');
  const arrived = heard(phone.client, 'message');
  for (const [device, history] of [
    [phone, true],
    [tablet, false],
  ] as const) {
    const { code, completed } = await device.client.beginLink();
    await alice.client.completeLink(code, { history });
    await completed;
    await device.client.connect();
  }
  expect(lost).toEqual([]);
  expect(await textsOf(phone, conversation)).toEqual(['from her', 'from him']);
  await say(bob, conversation, 'to all');
  await say(phone, conversation, 'from the phone');
  for (const device of [alice, phone]) {
    await until(async () => (await textsOf(device, conversation)).length === 4);
  }
  await until(async () => (await textsOf(tablet, conversation)).length === 2);
  expect(await textsOf(phone, conversation)).toEqual([
    'from her',
    'from him',
    'to all',
    'from the phone',
  ]);
  expect(arrived).toHaveLength(1);
});

test.concurrent(
  'a history that the platform has lost does not stand in the way of a link',
  TEST,
  async () => {
    const { alice, bob, conversation } = await pair();
    await say(bob, conversation, 'before');
    await until(async () => (await textsOf(alice, conversation)).length === 1);
    const phone = open(openStore(), (target) =>
      /\/files\/[^/]+\/info$/.test(target) ? new Response(null, { status: 404 }) : undefined,
    );
    const lost = heard(phone, 'history-lost');
    const { code, completed } = await phone.beginLink();
    await alice.client.completeLink(code, { history: true });
    await completed;
    expect(lost).toHaveLength(1);
    expect((await phone.alarms()).notices).toEqual([{ kind: 'history-lost' }]);
    await phone.connect();
    await say(bob, conversation, 'after');
    await until(async () => (await textsOf({ client: phone }, conversation)).includes('after'));
  },
);

test.concurrent(
  'a group, what people did with its messages and how far they were read come back, and it goes on',
  TEST,
  async () => {
    const { alice, bob } = await pair();
    const carol = await enter('carol');
    const members = [bob.user, carol.user];
    const { id } = await alice.client.groups.create({ members, title: 'the garden' });
    await say(bob, id, 'who waters it');
    await say(carol, id, 'I do');
    await until(async () => (await textsOf(alice, id)).length === 2);
    const items = await alice.client.history(id);
    const [question, answer] = items.filter((item) => item.type === 'message');
    await alice.client.whenStored((await alice.client.react(answer!, '🌱')).id);
    await bob.client.whenStored((await bob.client.edit(question!, 'who waters it?')).id);
    await alice.client.markRead(answer!);
    await until(async () => (await textsOf(alice, id)).includes('who waters it?'));

    const twin = await restore(alice);
    const [phone, linking] = [open(openStore()), { history: true }];
    const { code, completed } = await phone.beginLink();
    await alice.client.completeLink(code, linking);
    await completed;
    for (const client of [twin.client, phone]) {
      const known = await client.conversations();
      expect(known.find((each) => each.id === id)).toMatchObject({ title: 'the garden' });
      const lines = await linesOf(client, id);
      expect(lines).toEqual(await linesOf(alice.client, id));
      expect(lines).toContainEqual(['I do', ['🌱']]);
      expect(await unreadOf(client, id)).toBe(0);
      await client.connect();
    }
    const all = [alice.client, bob.client, carol.client, twin.client, phone];
    const unreadable = all.map((client) => heard(client, 'unreadable'));
    await say(carol, id, 'and on Sundays?');
    for (const client of [alice.client, twin.client, phone]) {
      await until(async () => (await textsOf({ client }, id)).includes('and on Sundays?'));
    }
    await say(twin, id, 'so do I');
    await say({ client: phone }, id, 'both of me');
    const texts = ['who waters it?', 'I do', 'and on Sundays?', 'so do I', 'both of me'];
    for (const client of all) {
      await until(async () => (await textsOf({ client }, id)).length === texts.length);
      expect(await textsOf({ client }, id)).toEqual(texts);
    }
    // Not even until it was sent again.
    expect(unreadable.flat()).toEqual([]);
  },
);

test.concurrent(
  'a link whose history breaks off goes on with it, after another start',
  TEST,
  async () => {
    const { alice, bob, conversation } = await pair();
    await say(bob, conversation, 'before');
    await until(async () => (await textsOf(alice, conversation)).length === 1);
    const path = join(directory, `${++people}.db`);
    const dying = open(openSqliteStore(path), (target) => {
      if (/\/files\/[^/]+\/info$/.test(target)) throw new TypeError('no network');
      return undefined;
    });
    const link = await dying.beginLink();
    const ended = link.completed.catch((error: unknown) => error);
    await alice.client.completeLink(link.code, { history: true });
    await dying.close();
    // Which of them depends on how long the other device took to hear that this one has joined.
    const codes = expect.stringMatching(/^(client\.closed|store\.closed|connection\.failed)$/);
    expect(await ended).toMatchObject({ code: codes });
    const phone = open(openSqliteStore(path));
    await (await phone.beginLink()).completed;
    expect(await textsOf({ client: phone }, conversation)).toEqual(['before']);
  },
);

interface Device {
  readonly client: Client;
  readonly store: Store;
  readonly username: string;
  readonly user: UserId;
  readonly device: DeviceId;
}

function openStore(): Store {
  return openSqliteStore(join(directory, `${++people}.db`));
}

/** With `answer`, for some requests in place of the platform. */
function open(store: Store, answer?: (target: string) => Response | undefined): Client {
  const client = createClient({
    url: platform.url,
    store,
    provider: nodeProvider,
    fetch: async (target, init) => answer?.(String(target)) ?? fetch(target, init),
  });
  clients.add(client);
  return client;
}

async function enter(name: string): Promise<Device> {
  const store = openStore();
  const [client, username] = [open(store), `${name}${Date.now()}${++people}`];
  const { user, device } = await client.register({ username, password: PASSWORD });
  await client.connect();
  return { client, store, username, user, device };
}

async function pair(): Promise<{ alice: Device; bob: Device; conversation: ConversationId }> {
  const [alice, bob] = [await enter('alice'), await enter('bob')];
  const { id } = await alice.client.openDirect(bob.user);
  return { alice, bob, conversation: id };
}

/** A store that was restored from a backup of somebody's device, and its client. */
async function restoreStore(person: Device): Promise<Client> {
  const words = makeRecoveryKey();
  const backup = await exportBackup(person.store, words, options);
  const store = openStore();
  await restoreBackup(store, words, await new Response(backup as BodyInit).blob(), options);
  return open(store);
}

/** The same, logged in. */
async function restore(person: Device): Promise<Pick<Device, 'client'>> {
  const client = await restoreStore(person);
  await client.login({ username: person.username, password: PASSWORD });
  return { client };
}

async function say(
  { client }: Pick<Device, 'client'>,
  conversation: ConversationId,
  text: string,
): Promise<void> {
  await client.whenStored((await client.sendText(conversation, text)).id);
}

/** Every text of a conversation, own ones included. */
async function textsOf(
  { client }: Pick<Device, 'client'>,
  conversation: ConversationId,
): Promise<string[]> {
  const items = await client.history(conversation, { limit: 1000 });
  return items.flatMap((item) => {
    if (item.type === 'unreadable') return [`unreadable: ${item.cause}`];
    return item.type === 'message' && item.content.type === 'text' ? [item.content.text] : [];
  });
}

/** What is shown of a conversation: each text, and the reactions to it. */
async function linesOf(client: Client, conversation: ConversationId) {
  const lines = await firstValueOf(client.state.messages(conversation));
  return lines.flatMap(({ body, reactions }) =>
    body.type === 'text' ? [[body.text, reactions.map(({ emoji }) => emoji)]] : [],
  );
}

async function unreadOf(client: Client, conversation: ConversationId) {
  const conversations = await firstValueOf(client.state.conversations);
  return conversations.find(({ id }) => id === conversation)?.unread;
}

/** The first value of an observable. */
async function firstValueOf<T>({ get, subscribe }: Observable<T | undefined>): Promise<T> {
  const stop = subscribe(() => {});
  try {
    return await vi.waitFor(() => get() ?? expect.fail('it was not read'), 30_000);
  } finally {
    stop();
  }
}

function heard(client: Client, name: ClientEvent) {
  const events: object[] = [];
  client.on(name, (event) => events.push(event));
  return events;
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  await vi.waitFor(async () => expect(await condition()).toBe(true), {
    timeout: 30_000,
    interval: 20,
  });
}
