/** Groups of the SDK on the platform as users run it: who is in them, what they are called, and what is said there. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, createClient, type GroupRecord, type Message } from '@sotto/client';
import { openSqliteStore } from '@sotto/client/sqlite';
import { nodeProvider } from '@sotto/crypto/node';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test, vi } from 'vitest';
import { type Standalone, startStandalone } from '../cluster.ts';

const WAIT_MS = 30_000;
const TEST_MS = 90_000;
const PASSWORD = 'Correct-Horse-7';

let platform: Standalone;
let directory: string;
const clients = new Set<Client>();
let people = 0;

beforeAll(async () => {
  platform = await startStandalone();
});
afterAll(() => platform?.close());
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sotto-groups-'));
});
afterEach(async () => {
  for (const client of clients) await client.close();
  clients.clear();
  rmSync(directory, { recursive: true, force: true });
});

test(
  'a group is founded, named, and talks; who comes later hears what is said from then on',
  async () => {
    const [alice, bob, cat] = [await enter('alice'), await enter('bob'), await enter('cat')];
    const { id } = await alice.client.groups.create({ members: [bob.user], title: 'Choir ☕' });
    await until(async () => (await groupOf(bob, id))?.title === 'Choir ☕');
    await alice.client.sendText(id, 'for Bob');
    await until(async () => (await textsOf(bob, id)).length === 1);
    await alice.client.groups.add(id, [cat.user]);
    await until(async () => (await groupOf(cat, id))?.title === 'Choir ☕');
    await bob.client.sendText(id, 'for all');
    await until(async () => (await textsOf(cat, id)).length === 1);
    await alice.client.sendText(id, 'for all, too');
    await until(async () => (await textsOf(cat, id)).length === 2);
    expect(await textsOf(cat, id)).toEqual(['for all', 'for all, too']);
    expect(await textsOf(bob, id)).toEqual(['for Bob', 'for all', 'for all, too']);
    expect(await changesOf(cat, id)).toEqual(['added']);
    expect(await changesOf(alice, id)).toEqual(['created', 'renamed', 'added']);
  },
  TEST_MS,
);

test(
  'who is removed, or goes, hears nothing more and keeps what there was, over restarts',
  async () => {
    const [alice, bob, cat] = [await enter('alice'), await enter('bob'), await enter('cat')];
    const { id } = await alice.client.groups.create({ members: [bob.user, cat.user] });
    await alice.client.sendText(id, 'one');
    for (const each of [bob, cat]) await until(async () => (await textsOf(each, id)).length === 1);
    await alice.client.groups.remove(id, [bob.user]);
    await alice.client.sendText(id, 'two');
    await until(async () => (await textsOf(cat, id)).length === 2);
    await until(async () => (await groupOf(bob, id))?.members.length === 2);
    await cat.client.groups.leave(id);
    const gone = { code: 'conversation.left' };
    await expect(cat.client.sendText(id, 'and?')).rejects.toMatchObject(gone);
    for (const each of [await reopened(bob), await reopened(cat)]) {
      await each.client.connect();
      await expect(each.client.sendText(id, 'and?')).rejects.toMatchObject(gone);
      expect((await textsOf(each, id))[0]).toBe('one');
    }
    const { id: last } = await alice.client.sendText(id, 'anybody?');
    await alice.client.whenStored(last);
    expect(await groupOf(alice, id)).toMatchObject({ members: [alice.user] });
  },
  TEST_MS,
);

test(
  'changes by several admins at once, and an admin who deletes the account',
  async () => {
    const [alice, bob, cat] = [await enter('alice'), await enter('bob'), await enter('cat')];
    const { id } = await alice.client.groups.create({ members: [bob.user, cat.user] });
    await alice.client.groups.setRole(id, bob.user, 'admin');
    await until(async () => (await groupOf(bob, id))?.admins.length === 2);
    await Promise.all([
      alice.client.groups.rename(id, 'by Alice'),
      bob.client.groups.rename(id, 'by Bob'),
      alice.client.groups.setRole(id, cat.user, 'admin'),
    ]);
    for (const each of [alice, bob, cat]) {
      await until(async () => (await groupOf(each, id))?.head.version === 5);
      await until(async () => (await groupOf(each, id))?.title !== undefined);
    }
    expect((await groupOf(cat, id))?.title).toBe((await groupOf(bob, id))?.title);
    await alice.client.deleteAccount(PASSWORD);
    await until(async () => (await groupOf(cat, id))?.members.length === 2);
    expect((await changesOf(cat, id)).at(-1)).toBe('departed');
    const { id: message } = await bob.client.sendText(id, 'without Alice');
    await bob.client.whenStored(message);
    await until(async () => (await textsOf(cat, id)).includes('without Alice'));
  },
  TEST_MS,
);

test(
  'a device that is linked knows the groups of its account, and takes part in them',
  async () => {
    const [alice, bob] = [await enter('alice'), await enter('bob')];
    const { id } = await alice.client.groups.create({ members: [bob.user], title: 'Choir' });
    await alice.client.sendText(id, 'before');
    await until(async () => (await textsOf(bob, id)).length === 1);
    const tablet = open(join(directory, 'tablet.db'));
    const link = await tablet.beginLink();
    const linking = bob.client.completeLink(link.code);
    await link.completed;
    await tablet.connect();
    await linking;
    const second = { ...bob, client: tablet };
    await until(async () => (await groupOf(second, id))?.members.length === 2);
    await alice.client.sendText(id, 'after');
    await until(async () => (await textsOf(second, id)).includes('after'));
    expect(await textsOf(second, id)).toEqual(['after']);
    await until(async () => (await groupOf(second, id))?.title === 'Choir');
    await tablet.sendText(id, 'from the tablet');
    await until(async () => (await textsOf(alice, id)).includes('from the tablet'));
  },
  TEST_MS,
);

interface Person {
  readonly client: Client;
  readonly user: Message['sender']['user'];
  readonly path: string;
}

type Id = GroupRecord['id'];

async function enter(name: string): Promise<Person> {
  const username = `${name}${Date.now()}${++people}`;
  const path = join(directory, `${username}.db`);
  const client = open(path);
  const { user } = await client.register({ username, password: PASSWORD });
  await client.connect();
  return { client, user, path };
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

async function groupOf({ client }: Person, id: Id): Promise<GroupRecord | undefined> {
  const found = (await client.conversations()).find((known) => known.id === id);
  return found?.kind === 'group' ? found : undefined;
}

/** What was said in a group; nothing of it may be unreadable. */
async function textsOf({ client }: Person, id: Id): Promise<string[]> {
  const items = await client.history(id, { limit: 1000 });
  return items.flatMap((item) => {
    if (item.type === 'unreadable') return [`unreadable: ${item.cause}`];
    return item.type === 'message' && item.content.type === 'text' ? [item.content.text] : [];
  });
}

async function changesOf({ client }: Person, id: Id): Promise<string[]> {
  const items = await client.history(id, { limit: 1000 });
  return items.flatMap((item) => (item.type === 'membership' ? [item.change.type] : []));
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const options = { timeout: WAIT_MS, interval: 50 };
  await vi.waitFor(async () => expect(await condition()).toBe(true), options);
}
