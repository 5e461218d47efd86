/** An account with several devices, on the platform as users run it: linked, taken off, lost, and never linked. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ConversationId, DeviceId, UserId } from '@sotto/api';
import { type Client, type ClientEvent, type ClientOptions, createClient } from '@sotto/client';
import { openSqliteStore } from '@sotto/client/sqlite';
import { nodeProvider } from '@sotto/crypto/node';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type Standalone, startStandalone } from '../cluster.ts';

const PASSWORD = 'Correct-Horse-7';
const TEST_MS = 120_000;
/** More devices in a minute than an account ever has, from one address. */
const LIMITS = {
  LIMITS_REGISTER_PER_HOUR_PRIVATE: '10000',
  LIMITS_USER_PER_MINUTE: '10000',
  LIMITS_SOURCE_PER_MINUTE: '100000',
};

let platform: Standalone;
let directory: string;
const clients = new Set<Client>();
let people = 0;

// Most of a test waits for the key log, so they wait together.
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'sotto link '));
  platform = await startStandalone({ environment: LIMITS });
});
afterAll(async () => {
  for (const client of clients) await client.close();
  await platform?.close();
  rmSync(directory, { recursive: true, force: true });
});

test.concurrent(
  'two devices of each of two people see both sides of what is said',
  async () => {
    const { alice, bob, conversation } = await pair();
    const [herPhone, hisPhone] = [await link(alice), await link(bob)];
    const expected: string[] = [];
    for (const device of [alice, bob, herPhone, hisPhone, alice, hisPhone]) {
      const text = `${expected.length} from ${device.path}`;
      const { id } = await device.client.sendText(conversation, text);
      await device.client.whenStored(id);
      expected.push(text);
      for (const each of [alice, bob, herPhone, hisPhone]) {
        await until(async () => (await textsOf(each, conversation)).includes(text));
      }
    }
    for (const each of [alice, bob, herPhone, hisPhone]) {
      expect(await textsOf(each, conversation)).toEqual(expected);
    }
    const ofAlice = (await herPhone.client.history(conversation)).filter(
      (item) => item.type === 'message' && item.own,
    );
    expect(ofAlice).toHaveLength(3);
    const seen = await herPhone.client.safetyNumber(bob.user);
    expect(await alice.client.safetyNumber(bob.user)).toEqual(seen);
  },
  TEST_MS,
);

test.concurrent(
  'a device that was taken off hears nothing any more, and the others go on',
  async () => {
    const { alice, bob, conversation } = await pair();
    const phone = await link(alice);
    await say(bob, conversation, 'to both');
    await until(async () => (await textsOf(phone, conversation)).includes('to both'));
    const ended = heard(phone.client, 'logged-out');
    await alice.client.unlink(phone.device);
    await until(() => ended.length > 0);
    await say(bob, conversation, 'to one');
    await say(alice, conversation, 'and back');
    await until(async () => (await textsOf(bob, conversation)).includes('and back'));
    expect(await textsOf(phone, conversation)).toEqual(['to both']);
    await expect(phone.client.login()).rejects.toMatchObject({ code: 'auth.challenge-wrong' });
    await alice.client.unlink(phone.device);
  },
  TEST_MS,
);

test.concurrent(
  'a device counts as taken off only once the platform goes by the list without it',
  async () => {
    const alice = await enter('alice');
    const phone = await link(alice);
    await alice.client.close();
    let isSlow = true;
    let asked = 0;
    const client = open(alice.path, {
      async fetch(target, init) {
        const answer = await fetch(target, init);
        const isPublished = init?.method === 'PUT' && String(target).endsWith('/device-list');
        if (!isPublished || !answer.ok) return answer;
        asked += 1;
        return isSlow ? Response.json({ ...(await answer.json()), complete: false }) : answer;
      },
    });
    for (let attempt = 0; attempt < 2; attempt++) {
      const incomplete = { code: 'list.incomplete' };
      await expect(client.unlink(phone.device)).rejects.toMatchObject(incomplete);
    }
    isSlow = false;
    asked = 0;
    await client.unlink(phone.device);
    expect(asked).toBe(1);
  },
  TEST_MS,
);

test.concurrent('a device that has never connected is on no list to be taken off', async () => {
  const client = open('early');
  const username = `early${Date.now()}`;
  const { device } = await client.register({ username, password: PASSWORD });
  const ended = heard(client, 'logged-out');
  await client.unlink(device);
  expect(ended).toHaveLength(1);
});

test.concurrent(
  'a lost device costs the identity: contacts are warned, and the others are linked anew',
  async () => {
    const { alice, bob, conversation } = await pair();
    const [lost, tablet] = [await link(alice), await link(alice)];
    await say(bob, conversation, 'before');
    await until(async () => (await textsOf(tablet, conversation)).includes('before'));
    const safetyNumber = await bob.client.safetyNumber(alice.user);
    const warned = heard(bob.client, 'identity-changed');
    const told = heard(tablet.client, 'account-compromised');
    await alice.client.reportLost(lost.device);
    await until(() => warned.length > 0 && told.length > 0);

    await bob.client.sendText(conversation, 'after');
    expect(await bob.client.safetyNumber(alice.user)).not.toEqual(safetyNumber);
    await bob.client.acceptIdentity(alice.user);
    await until(async () => (await textsOf(alice, conversation)).includes('after'));
    await say(alice, conversation, 'it is me');
    await until(async () => (await textsOf(bob, conversation)).includes('it is me'));

    await connectLinked(alice, tablet);
    await say(bob, conversation, 'welcome back');
    await until(async () => (await textsOf(tablet, conversation)).includes('welcome back'));
    await say(tablet, conversation, 'thank you');
    await until(async () => (await textsOf(bob, conversation)).includes('thank you'));
    expect(await textsOf(lost, conversation)).not.toContain('after');
  },
  TEST_MS,
);

test.concurrent(
  'a device that logs in without being linked is another identity: everybody is told',
  async () => {
    const { alice, bob, conversation } = await pair();
    await say(bob, conversation, 'before');
    const warned = heard(bob.client, 'identity-changed');
    const told = heard(alice.client, 'account-compromised');
    const stranger = open(`${alice.username}2`);
    await stranger.login({ username: alice.username, password: PASSWORD });
    await stranger.connect();
    await until(() => warned.length > 0 && told.length > 0);
    const stopped = heard(alice.client, 'trouble');
    await alice.client.sendText(conversation, 'not any more');
    await until(() => stopped.length > 0);
    expect(await alice.client.unsent(conversation)).toHaveLength(1);

    await alice.client.renewIdentity();
    await bob.client.acceptIdentity(alice.user);
    await say(alice, conversation, 'it is me');
    await until(async () => (await textsOf(bob, conversation)).includes('it is me'));
  },
  TEST_MS,
);

test.concurrent('a lost answer to a new identity makes no second one', {
  timeout: TEST_MS,
}, async () => {
  const { alice, bob, conversation } = await pair();
  const lost = await link(alice);
  await say(alice, conversation, 'before');
  await alice.client.close();
  let isLost = false;
  const client = open(alice.path, {
    async fetch(target, init) {
      const answer = await fetch(target, init);
      if (isLost || init?.method !== 'PUT' || !String(target).endsWith('/identity')) return answer;
      isLost = answer.ok;
      throw new TypeError('the answer was lost');
    },
  });
  await client.connect();
  const warned = heard(bob.client, 'identity-changed');
  const failed = { code: 'connection.failed' };
  await expect(client.reportLost(lost.device)).rejects.toMatchObject(failed);
  await until(() => warned.length > 0);
  const safetyNumber = await bob.client.safetyNumber(alice.user);
  await client.reportLost(lost.device);
  expect(await client.safetyNumber(bob.user)).toMatchObject({ digits: safetyNumber.digits });
  await bob.client.acceptIdentity(alice.user);
  await say({ ...alice, client }, conversation, 'after');
  await until(async () => (await textsOf(bob, conversation)).includes('after'));
});

test.concurrent('a code is good for one link, and only a code is one', {
  timeout: TEST_MS,
}, async () => {
  const { alice, bob } = await pair();
  const wrong = { code: 'link.code-invalid' };
  for (const code of ['', 'hello', 'sotto-link:', `sotto-link:${'A'.repeat(87)}`]) {
    await expect(alice.client.completeLink(code)).rejects.toMatchObject(wrong);
  }
  const phone = open(`${alice.username}phone`);
  const { code, completed } = await phone.beginLink();
  expect((await phone.beginLink()).code).toBe(code);
  await alice.client.completeLink(` ${code}\n`);
  expect((await completed).user).toBe(alice.user);
  for (const person of [alice, bob]) {
    await expect(person.client.completeLink(code)).rejects.toMatchObject({ code: 'link.used' });
  }
  expect(await bob.client.devices()).toHaveLength(1);
});

test.concurrent('the code of a device that has another account is refused there', {
  timeout: TEST_MS,
}, async () => {
  const { alice, bob } = await pair();
  const { code, completed } = await bob.client.beginLink();
  const completing = alice.client.completeLink(code).catch((error: unknown) => error);
  await expect(completed).rejects.toMatchObject({ code: 'account.exists' });
  expect(await bob.client.me()).toMatchObject({ user: bob.user });
  await alice.client.close();
  await completing;
});

test.concurrent('a code that nobody answers expires', async () => {
  let now = Date.now();
  const phone = open('nobody', { clock: () => now });
  const { completed } = await phone.beginLink();
  now += 11 * 60_000;
  await expect(completed).rejects.toMatchObject({ code: 'link.expired' });
});

test.concurrent('a link goes on after either side has died in the middle', {
  timeout: TEST_MS,
}, async () => {
  const { alice } = await pair();
  const path = `${alice.username}phone`;
  const dying = open(path);
  const { code, completed } = await dying.beginLink();
  completed.catch(() => {});
  await dying.close();
  const completing = alice.client.completeLink(code).catch(() => {});
  await until(async () => (await alice.client.devices()).length === 2);
  await alice.client.close();
  await completing;
  const again = open(alice.path);
  await again.connect();
  const finished = again.completeLink(code);
  const phone = open(path);
  const link = await phone.beginLink();
  expect(link.code).toBe(code);
  expect(await link.completed).toMatchObject({ user: alice.user });
  const { device } = await finished;
  expect((await phone.me())?.device).toBe(device);
});

test.concurrent('a device that was away for too long in the middle of its link is linked by another code', {
  timeout: TEST_MS,
}, async () => {
  const { alice, bob, conversation } = await pair();
  for (const away of ['/login/device', '/keys/one-time-prekeys']) {
    const path = `${alice.username}${++people}`;
    let isAway = true;
    const young = open(path, {
      async fetch(target, init) {
        if (isAway && String(target).endsWith(away)) throw new TypeError('no network');
        return fetch(target, init);
      },
    });
    const link = await young.beginLink();
    const completing = alice.client.completeLink(link.code);
    completing.catch(() => {});
    await expect(link.completed).rejects.toMatchObject({ code: 'connection.failed' });
    // What the old device does after two minutes.
    const others = (await alice.client.devices()).filter(({ current }) => !current);
    for (const other of others) await alice.client.unlink(other.device);
    isAway = false;
    const expired = (await young.beginLink()).completed;
    await expect(expired).rejects.toMatchObject({ code: 'link.expired' });
    const linked = { ...alice, client: young, path };
    const { device } = await connectLinked(alice, linked);
    expect(others.map((other) => other.device)).not.toContain(device);
    await say(bob, conversation, `to all after ${away}`);
    await until(async () => (await textsOf(linked, conversation)).length === 1);
    await young.close();
    clients.delete(young);
    await alice.client.unlink(device);
  }
});

interface Device {
  readonly client: Client;
  readonly username: string;
  readonly user: UserId;
  readonly device: DeviceId;
  readonly path: string;
}

function open(path: string, options: Partial<ClientOptions> = {}): Client {
  const store = openSqliteStore(join(directory, `${path}.db`));
  const client = createClient({ url: platform.url, store, provider: nodeProvider, ...options });
  clients.add(client);
  return client;
}

async function enter(name: string): Promise<Device> {
  const username = `${name}${Date.now()}${++people}`;
  const client = open(username);
  const { user, device } = await client.register({ username, password: PASSWORD });
  await client.connect();
  return { client, username, user, device, path: username };
}

async function pair(): Promise<{ alice: Device; bob: Device; conversation: ConversationId }> {
  const [alice, bob] = [await enter('alice'), await enter('bob')];
  const { id } = await alice.client.openDirect(bob.user);
  return { alice, bob, conversation: id };
}

/** A further device of an account, linked by a code, and connected. */
async function link(person: Device): Promise<Device> {
  const path = `${person.path}-${++people}`;
  const linked = { ...person, client: open(path), path };
  const { device } = await connectLinked(person, linked);
  return { ...linked, device };
}

async function connectLinked(old: Device, young: Device): Promise<{ device: DeviceId }> {
  const { code, completed } = await young.client.beginLink();
  const { device } = await old.client.completeLink(code);
  expect(await completed).toMatchObject({ user: old.user, device });
  await young.client.connect();
  return { device };
}

async function say({ client }: Device, conversation: ConversationId, text: string): Promise<void> {
  await client.whenStored((await client.sendText(conversation, text)).id);
}

/** Every text of a conversation, own ones included. */
async function textsOf({ client }: Device, conversation: ConversationId): Promise<string[]> {
  const items = await client.history(conversation, { limit: 1000 });
  return items.flatMap((item) => {
    if (item.type === 'unreadable') return [`unreadable: ${item.cause}`];
    return item.type === 'message' && item.content.type === 'text' ? [item.content.text] : [];
  });
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
