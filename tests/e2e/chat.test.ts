/** The SDK against the platform as users run it: what two people write arrives, whatever ends in between. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, type ConversationRecord, createClient, type Message } from '@sotto/client';
import { openSqliteStore } from '@sotto/client/sqlite';
import { nodeProvider } from '@sotto/crypto/node';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { freePort, type Standalone, startStandalone } from '../cluster.ts';

const WAIT_MS = 30_000;
const TEST_MS = 90_000;
const PASSWORD = 'Correct-Horse-7';

let platform: Standalone;
let environment: Record<string, string>;
let directory: string;
const clients = new Set<Client>();
let people = 0;

beforeAll(async () => {
  environment = { SERVER_PORT: String(await freePort()) };
  platform = await startStandalone({ environment });
});
afterAll(() => platform?.close());
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sotto chat '));
});
afterEach(async () => {
  for (const client of clients) await client.close();
  clients.clear();
  rmSync(directory, { recursive: true, force: true });
});

test('two people talk, and both histories have every word in one order', async () => {
  const { alice, bob, conversation } = await pair();
  for (let turn = 0; turn < 10; turn++) {
    const [from, to] = turn % 2 === 0 ? [alice, bob] : [bob, alice];
    await from.client.sendText(conversation.id, `turn ${turn}`);
    await until(() => textsOf(to).then((texts) => texts.includes(`turn ${turn}`)));
  }
  const expected = Array.from({ length: 10 }, (_, turn) => `turn ${turn}`);
  const [hers, his] = [await historyOf(alice), await historyOf(bob)];
  expect(hers.map(textOf)).toEqual(expected);
  expect(his.map(({ id, seq }) => [id, seq])).toEqual(hers.map(({ id, seq }) => [id, seq]));
  expect(hers.map(({ own }) => own)).toEqual(his.map(({ own }) => !own));
});

test(
  'what was written to somebody who is offline is there when they come back, in order',
  async () => {
    const { alice, bob, conversation } = await pair();
    await bob.client.close();
    const expected = Array.from({ length: 120 }, (_, index) => `number ${index}`);
    await Promise.all(expected.map((text) => alice.client.sendText(conversation.id, text)));
    await until(async () => (await alice.client.unsent(conversation.id)).length === 0);
    const back = await reopened(bob);
    await back.client.connect();
    await until(async () => (await textsOf(back)).length >= expected.length);
    expect(await textsOf(back)).toEqual(expected);
  },
  TEST_MS,
);

test(
  'both write at once while neither has answered, and everything is readable',
  async () => {
    const { alice, bob, conversation } = await pair();
    const writing = [alice, bob].flatMap((person) =>
      Array.from({ length: 20 }, (_, index) => person.client.sendText(conversation.id, `${index}`)),
    );
    await Promise.all(writing);
    const expected = Array.from({ length: 20 }, (_, index) => `${index}`);
    for (const person of [alice, bob]) {
      await until(async () => (await textsOf(person)).length >= 20);
      expect(await textsOf(person)).toEqual(expected);
    }
  },
  TEST_MS,
);

test(
  'a file arrives byte for byte, and a stranger cannot fetch it',
  async () => {
    const { alice, bob, conversation } = await pair();
    const data = new Uint8Array(randomBytes(3_000_000));
    const file = { name: 'photo ☀.jpg', type: 'image/jpeg', data: new Blob([data]) };
    await alice.client.sendFile(conversation.id, file);
    await until(async () => (await received(bob)).length === 1);
    const [message] = await received(bob);
    const opened = await bob.client.openFile(message!);
    expect(opened).toMatchObject({ name: 'photo ☀.jpg', type: 'image/jpeg', size: data.length });
    expect(Buffer.compare(await new Response(opened.stream).bytes(), data)).toBe(0);
    const stranger = await enter('stranger');
    await expect(stranger.client.openFile(message!)).rejects.toMatchObject({
      code: 'file.not-found',
    });
  },
  TEST_MS,
);

test(
  'the platform is killed while people write: it comes back, and so do they',
  async () => {
    const { alice, bob, conversation } = await pair();
    const expected: string[] = [];
    for (let round = 0; round < 3; round++) {
      for (let index = 0; index < 10; index++) {
        const text = `${round}.${index}`;
        expected.push(text);
        await alice.client.sendText(conversation.id, text);
        await bob.client.sendText(conversation.id, text);
      }
      await restartPlatform();
    }
    for (const person of [alice, bob]) {
      await until(async () => (await textsOf(person)).length >= expected.length);
      await until(async () => (await person.client.unsent(conversation.id)).length === 0);
    }
    for (const person of [alice, bob]) expect(await textsOf(person)).toEqual(expected);
  },
  TEST_MS,
);

test(
  'a client that is opened again goes on with the same keys, sessions and outbox',
  async () => {
    const { alice, bob, conversation } = await pair();
    const safetyNumber = await alice.client.safetyNumber(bob.user);
    await alice.client.sendText(conversation.id, 'before');
    await until(async () => (await textsOf(bob)).length === 1);
    await alice.client.close();
    const again = await reopened(alice);
    await again.client.sendText(conversation.id, 'written offline');
    await again.client.connect();
    await until(async () => (await textsOf(bob)).length === 2);
    expect(await textsOf(bob)).toEqual(['before', 'written offline']);
    expect(await again.client.safetyNumber(bob.user)).toEqual(safetyNumber);
    expect(await bob.client.safetyNumber(alice.user)).toMatchObject({
      digits: safetyNumber.digits,
    });
  },
  TEST_MS,
);

test('who logs out hears nothing more, logs in on the same device and catches up', async () => {
  const { alice, bob, conversation } = await pair();
  await bob.client.logout();
  await expect(bob.client.connect()).rejects.toMatchObject({ code: 'account.logged-out' });
  const { id } = await alice.client.sendText(conversation.id, 'while you were out');
  await alice.client.whenStored(id);
  expect(await textsOf(bob)).toEqual([]);
  const me = await bob.client.login({ username: bob.username, password: PASSWORD });
  expect(me.user).toBe(bob.user);
  await bob.client.connect();
  await until(async () => (await textsOf(bob)).length === 1);
});

interface Person {
  readonly client: Client;
  readonly username: string;
  readonly user: Message['sender']['user'];
  readonly path: string;
}

async function enter(name: string): Promise<Person> {
  const username = `${name}${Date.now()}${++people}`;
  const path = join(directory, `${username}.db`);
  const client = open(path);
  const { user } = await client.register({ username, password: PASSWORD });
  await client.connect();
  return { client, username, user, path };
}

function open(path: string): Client {
  const store = openSqliteStore(path);
  const client = createClient({ url: platform.url, store, provider: nodeProvider });
  clients.add(client);
  return client;
}

async function reopened(person: Person): Promise<Person> {
  await person.client.close();
  return { ...person, client: open(person.path) };
}

async function pair(): Promise<{ alice: Person; bob: Person; conversation: ConversationRecord }> {
  const [alice, bob] = [await enter('alice'), await enter('bob')];
  const found = await vi.waitFor(
    async () => {
      const user = await alice.client.findUser(bob.username.toUpperCase());
      expect(user?.user).toBe(bob.user);
      return user!.user;
    },
    { timeout: WAIT_MS, interval: 50 },
  );
  return { alice, bob, conversation: await alice.client.openDirect(found) };
}

async function restartPlatform(): Promise<void> {
  const { dataDirectory, close } = platform;
  await platform.kill();
  platform = { ...(await startStandalone({ dataDirectory, environment })), close };
}

/** Everything a person has, of the one conversation that there is. Nothing may be unreadable. */
async function historyOf({ client }: Person): Promise<Message[]> {
  const [conversation] = await client.conversations();
  if (conversation === undefined) return [];
  const items = await client.history(conversation.id, { limit: 1000 });
  return items.map((item) => {
    if (item.type !== 'message') throw new Error(`not a message: ${JSON.stringify(item)}`);
    return item;
  });
}

async function received(person: Person): Promise<Message[]> {
  return (await historyOf(person)).filter(({ own }) => !own);
}

async function textsOf(person: Person): Promise<string[]> {
  return (await received(person)).map(textOf);
}

function textOf({ content }: Message): string {
  return content.type === 'text' ? content.text : '';
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  await vi.waitFor(async () => expect(await condition()).toBe(true), {
    timeout: WAIT_MS,
    interval: 10,
  });
}
