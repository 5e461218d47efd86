/** Strangers, blocks, reports and profiles through the SDK, on the platform as users run it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConversationId, UserId } from '@sotto/api';
import { type Client, createClient, type Message } from '@sotto/client';
import { openSqliteStore } from '@sotto/client/sqlite';
import { nodeProvider } from '@sotto/crypto/node';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { NO_LIMITS, type Standalone, startStandalone } from '../cluster.ts';

const PASSWORD = 'Correct-Horse-7';
const WAIT_MS = 30_000;
const TEST_MS = 120_000;

interface Person {
  readonly client: Client;
  readonly user: UserId;
  readonly username: string;
}

let platform: Standalone;
let directory: string;
const clients = new Set<Client>();
let people = 0;

// Most of a test waits for the key log, so they wait together.
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'sotto people '));
  platform = await startStandalone({ environment: NO_LIMITS });
});
afterAll(async () => {
  for (const client of clients) await client.close();
  await platform?.close();
  rmSync(directory, { recursive: true, force: true });
});

test.concurrent(
  'a stranger is found, asks, and is accepted; both see how the other looks only then',
  async () => {
    const [alice, bob] = [await enter('alice'), await enter('bob')];
    const picture = jpeg(40_000);
    await alice.client.people.setProfile({ name: 'Alice', picture });
    await bob.client.people.setProfile({ name: 'Bob', picture: jpeg(999) });
    await expect(bob.client.people.find(alice.user)).rejects.toMatchObject({
      code: 'user.not-found',
    });
    const listed = await until(() =>
      alice.client.people.list({ name: bob.username.toUpperCase() }),
    );
    expect(listed).toMatchObject([{ user: bob.user, username: bob.username }]);
    const { id } = await alice.client.openDirect(bob.user);
    await say(alice, id, 'you do not know me');
    await heard(bob, id, 'you do not know me');
    expect(await bob.client.people.requests()).toEqual([
      { conversation: id, kind: 'direct', members: expect.arrayContaining([alice.user, bob.user]) },
    ]);
    expect(await bob.client.people.standing(id)).toEqual({ isRequested: true });
    await shows(bob, alice, 'Alice');
    expect(await bob.client.people.openPicture(alice.user)).toEqual(picture);
    expect(await bob.client.people.find(alice.user)).toMatchObject({ username: alice.username });
    expect(await alice.client.people.profile(bob.user)).toBeUndefined();
    await bob.client.people.accept(id);
    await shows(alice, bob, 'Bob');
    expect(await alice.client.people.openPicture(bob.user)).toEqual(jpeg(999));
    expect(await bob.client.people.requests()).toEqual([]);
    expect(await bob.client.people.standing(id)).toEqual({ isRequested: false });
  },
  TEST_MS,
);

test.concurrent(
  'who is declined is blocked, hears nothing of it, and asks in vain',
  async () => {
    const [alice, bob] = [await enter('alice'), await enter('bob')];
    const { id } = await alice.client.openDirect(bob.user);
    await say(alice, id, 'one');
    await heard(bob, id, 'one');
    await bob.client.people.decline(id);
    expect(await bob.client.people.requests()).toEqual([]);
    expect(await bob.client.people.blocks()).toEqual([alice.user]);
    await say(alice, id, 'two');
    await alice.client.people.setProfile({ name: 'Two' });
    await bob.client.people.unblock(alice.user);
    await say(alice, id, 'three');
    await heard(bob, id, 'three');
    expect((await textsOf(bob, id)).includes('two')).toBe(false);
    expect(await bob.client.people.blocks()).toEqual([]);
  },
  TEST_MS,
);

test.concurrent(
  'a group that a stranger takes one into is a request, which is accepted or left',
  async () => {
    const [alice, bob, carol] = [await enter('alice'), await enter('bob'), await enter('carol')];
    await alice.client.people.setProfile({ name: 'Alice' });
    for (const { client, username } of [bob, carol]) {
      await client.people.setProfile({ name: username, picture: jpeg(600) });
    }
    const others = [bob.user, carol.user];
    const { id } = await alice.client.groups.create({ members: others, title: 'Walks' });
    await say(alice, id, 'shall we');
    for (const person of [bob, carol]) {
      await heard(person, id, 'shall we');
      await shows(person, alice, 'Alice');
      expect(await person.client.people.requests()).toMatchObject([
        { conversation: id, kind: 'group' },
      ]);
    }
    await carol.client.people.decline(id);
    expect(await carol.client.people.requests()).toEqual([]);
    expect(await alice.client.people.profile(bob.user)).toBeUndefined();
    await bob.client.people.accept(id);
    await shows(alice, bob, bob.username);
    expect(await alice.client.people.openPicture(bob.user)).toEqual(jpeg(600));
    await until(async () => (await alice.client.groups.members(id)).length === 2);
    expect(await alice.client.people.profile(carol.user)).toBeUndefined();
  },
  TEST_MS,
);

test.concurrent(
  'a linked device gets the profile of the account, and of those who go on writing',
  async () => {
    const [alice, bob] = [await enter('alice'), await enter('bob')];
    const { id } = await alice.client.openDirect(bob.user);
    await say(alice, id, 'hello');
    await say(bob, id, 'hello');
    await alice.client.people.setProfile({ name: 'Alice', picture: jpeg(7_000) });
    await bob.client.people.setProfile({ name: 'Bob' });
    await shows(bob, alice, 'Alice');
    const phone = await link(alice);
    await shows(phone, alice, 'Alice');
    expect(await phone.client.people.openPicture(alice.user)).toEqual(jpeg(7_000));
    await say(bob, id, 'hello, both of you');
    await shows(phone, bob, 'Bob');
    // Changed on one, it is so on the other, and nobody hears twice of the picture that stays.
    await phone.client.people.setProfile({ name: 'Alice on the phone' });
    await shows(alice, alice, 'Alice on the phone');
    await shows(bob, alice, 'Alice on the phone');
    expect(await bob.client.people.openPicture(alice.user)).toEqual(jpeg(7_000));
    await alice.client.people.setProfile({ picture: jpeg(800) });
    await until(
      async () => (await phone.client.people.openPicture(alice.user))?.bytes.length === 800,
    );
    await until(
      async () => (await bob.client.people.openPicture(alice.user))?.bytes.length === 800,
    );
    expect((await bob.client.people.profile(alice.user))?.name).toBe('Alice on the phone');
  },
  TEST_MS,
);

test.concurrent(
  'the operator is shown the messages that were chosen, and presence only to whom it is shown',
  async () => {
    const [alice, bob] = [await enter('alice'), await enter('bob')];
    const { id } = await alice.client.openDirect(bob.user);
    await say(bob, id, 'hello');
    await heard(alice, id, 'hello');
    await say(alice, id, 'not for the operator');
    await say(bob, id, 'buy this');
    await heard(alice, id, 'buy this');
    const messages = (await alice.client.history(id)).filter((item) => item.type === 'message');
    const [first, own, last] = messages as [Message, Message, Message];
    const report = { user: bob.user, reason: 'spam', note: 'Every day.' } as const;
    const made = await alice.client.people.report({ ...report, messages: [first, last] });
    expect(made.report).toMatch(/^[0-9a-f-]{36}$/);
    await alice.client.people.report(report);
    const notTheirs = alice.client.people.report({ ...report, messages: [own] });
    await expect(notTheirs).rejects.toMatchObject({ code: 'content.invalid' });
    const tooMany = alice.client.people.report({ ...report, messages: Array(21).fill(first) });
    await expect(tooMany).rejects.toMatchObject({ code: 'request.invalid' });

    const until = new Date(Math.ceil(Date.now() / 1000) * 1000 + 3_600_000);
    await alice.client.people.mute(id, until);
    const standing = await alice.client.people.standing(id);
    expect(standing.mutedUntil?.getTime()).toBe(until.getTime());
    await alice.client.people.mute(id, null);
    expect(await alice.client.people.standing(id)).not.toHaveProperty('mutedUntil');

    for (const conversation of [alice, bob]) await conversation.client.people.accept(id);
    expect(await alice.client.people.find(bob.user)).toHaveProperty('presence');
    await bob.client.people.showPresence(false);
    expect((await alice.client.people.find(bob.user)).presence).toBeUndefined();
    expect((await bob.client.people.find(alice.user)).presence).toBeUndefined();
  },
  TEST_MS,
);

async function enter(name: string): Promise<Person> {
  const username = `${name}${++people}`;
  const client = open(username);
  const { user } = await client.register({ username, password: PASSWORD });
  await client.connect();
  return { client, user, username };
}

function open(file: string): Client {
  const store = openSqliteStore(join(directory, `${file}.sqlite`));
  const client = createClient({ url: platform.url, store, provider: nodeProvider });
  clients.add(client);
  return client;
}

async function link({ client, user, username }: Person): Promise<Person> {
  const phone = open(`${username}-phone-${++people}`);
  const offer = await phone.beginLink();
  const joining = offer.completed.then(() => phone.connect());
  await client.completeLink(offer.code);
  await joining;
  return { client: phone, user, username };
}

async function say({ client }: Person, conversation: ConversationId, text: string) {
  const { id } = await client.sendText(conversation, text);
  await client.whenStored(id);
}

function heard(person: Person, conversation: ConversationId, text: string): Promise<unknown> {
  return until(async () => (await textsOf(person, conversation)).includes(text));
}

async function textsOf({ client }: Person, conversation: ConversationId): Promise<string[]> {
  const items = await client.history(conversation);
  return items.flatMap((item) =>
    item.type === 'message' && item.content.type === 'text' ? [item.content.text] : [],
  );
}

function shows(to: Person, of: Person, name: string): Promise<unknown> {
  return until(async () => (await to.client.people.profile(of.user))?.name === name);
}

/** What it gives that is not empty or false. */
function until<T>(condition: () => Promise<T>): Promise<T> {
  return vi.waitFor(
    async () => {
      const found = await condition();
      return found && (!Array.isArray(found) || found.length > 0) ? found : expect.fail();
    },
    { timeout: WAIT_MS, interval: 100 },
  );
}

/** Something that begins as a picture does. */
function jpeg(size: number) {
  const bytes = new Uint8Array(size).fill(size);
  bytes.set([0xff, 0xd8, 0xff]);
  return { type: 'image/jpeg', bytes };
}
