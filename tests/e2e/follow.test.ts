/** Two processes on one account and one SQLite store, of which the one that runs the client is killed, or stopped. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, createClient, openMemoryStore } from '@sotto/client';
import { openSqliteStore } from '@sotto/client/sqlite';
import { nodeProvider } from '@sotto/crypto/node';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { NO_LIMITS, type Standalone, startStandalone } from '../cluster.ts';
import { endProcesses, startProcess } from './follow-process.ts';
import { expireToken } from './stores.ts';

const WAIT = { timeout: 30_000, interval: 20 };

type Conversation = Parameters<Client['history']>[0];

let platform: Standalone;
let directory: string;
const clients: Client[] = [];

beforeAll(async () => {
  platform = await startStandalone({ environment: NO_LIMITS });
  directory = mkdtempSync(join(tmpdir(), 'sotto-follow-'));
});
afterEach(async () => {
  endProcesses();
  for (const client of clients.splice(0)) await client.close();
});
afterAll(async () => {
  await platform?.close();
  rmSync(directory, { recursive: true, force: true });
});

test('two processes show the same and both write; whoever runs the client is killed three times, and nothing is lost, twice or unreadable', async () => {
  const path = join(directory, 'alice.sqlite');
  const { bob, unreadable } = await openPeer();
  let holder = await startProcess(platform.url, path);
  await holder.do.enter('alice');
  let follower = await startProcess(platform.url, path);
  await follower.do.enter('alice');
  const conversation = await talkTo(bob, 'alice');
  const confirmed: string[] = [];
  for (let round = 0; round < 3; round++) {
    const [one, other] = [`holder ${round}`, `follower ${round}`];
    const killed = holder.do.say(conversation, one, 1_000).catch(() => {});
    const written = follower.do.say(conversation, other, 60);
    // Somewhere within what both are doing.
    await vi.waitFor(() => expect(follower.said.length).toBeGreaterThan(10), WAIT);
    await bob.sendText(conversation, `peer ${round}`);
    holder.process.kill('SIGKILL');
    await Promise.all([once(holder.process, 'exit'), killed]);
    await written;
    confirmed.push(...holder.said, ...follower.said, `peer ${round}`);
    follower.said.length = 0;
    holder = follower;
    follower = await startProcess(platform.url, path);
    await follower.do.enter('alice');
  }
  await vi.waitFor(async () => {
    const texts = await textsOf(bob, conversation);
    expect(confirmed.filter((text) => !texts.includes(text))).toEqual([]);
  }, WAIT);
  await vi.waitFor(async () => {
    const texts = (await textsOf(bob, conversation)).slice(-300);
    expect((await holder.do.lines(conversation)).slice(-300)).toEqual(texts);
    expect((await follower.do.lines(conversation)).slice(-300)).toEqual(texts);
  }, WAIT);
  const texts = await textsOf(bob, conversation);
  expect(new Set(texts).size).toBe(texts.length);
  for (let round = 0; round < 3; round++) {
    const mine = texts.filter((text) => text.startsWith(`follower ${round} `));
    expect(mine).toEqual(Array.from({ length: 60 }, (_, number) => `follower ${round} ${number}`));
  }
  expect(unreadable).toEqual([]);
  await holder.do.close();
  await follower.do.close();
}, 120_000);

test('while whoever runs the client is stopped, the other process is told and writes nothing to the store; it goes on when that wakes, and when it dies', async () => {
  const path = join(directory, 'carol.sqlite');
  const { bob } = await openPeer('dave');
  const holder = await startProcess(platform.url, path);
  await holder.do.enter('carol');
  const follower = await startProcess(platform.url, path);
  await follower.do.enter('carol');
  const conversation = await talkTo(bob, 'carol');
  expect(await follower.do.send(conversation, 'one')).toBe('sent');

  holder.process.kill('SIGSTOP');
  expect(await follower.do.send(conversation, 'two')).toBe('client.silent');
  expect(await follower.do.connection()).toEqual({
    status: 'connecting',
    code: 'client.silent',
  });
  expect(() => openSqliteStore(path)).toThrow(expect.objectContaining({ code: 'store.locked' }));

  holder.process.kill('SIGCONT');
  // What was given up before it had begun is not done: who says it again says it once.
  await vi.waitFor(
    async () => expect(await follower.do.send(conversation, 'three')).toBe('sent'),
    WAIT,
  );
  await vi.waitFor(
    async () => expect(await textsOf(bob, conversation)).toEqual(['one', 'three']),
    WAIT,
  );

  holder.process.kill('SIGSTOP');
  expect(await follower.do.send(conversation, 'four')).toBe('client.silent');
  holder.process.kill('SIGKILL');
  await vi.waitFor(
    async () => expect(await follower.do.send(conversation, 'five')).toBe('sent'),
    WAIT,
  );
  await vi.waitFor(
    async () => expect(await textsOf(bob, conversation)).toEqual(['one', 'three', 'five']),
    WAIT,
  );
  await vi.waitFor(
    async () => expect(await follower.do.connection()).toEqual({ status: 'connected' }),
    WAIT,
  );
  expect(await follower.do.silences()).toEqual([true, false, true, false]);
  await follower.do.close();
}, 120_000);

test('of two processes that find an expired token one renews it, and whoever comes after takes that', async () => {
  const path = join(directory, 'erin.sqlite');
  const first = await startProcess(platform.url, path);
  await first.do.enter('erin');
  const ended = once(first.process, 'exit');
  await first.do.close();
  await ended;
  expireToken(path);
  const both = await Promise.all([path, path].map((each) => startProcess(platform.url, each)));
  await Promise.all(both.map((each) => each.do.enter('erin')));
  const renewals = await Promise.all(both.map((each) => each.do.renewals()));
  expect(renewals.toSorted()).toEqual([0, 1]);
  const [holder, follower] = renewals[0] === 1 ? both : both.toReversed();
  holder?.process.kill('SIGKILL');
  // What is asked while it changes hands may be refused.
  await vi.waitFor(() => follower?.do.enter('erin'), WAIT);
  expect(await follower?.do.renewals()).toBe(0);
  await follower?.do.close();
}, 60_000);

async function openPeer(username = 'bob') {
  const client = createClient({
    url: platform.url,
    store: openMemoryStore(),
    provider: nodeProvider,
  });
  clients.push(client);
  const unreadable: string[] = [];
  client.on('unreadable', ({ cause }) => unreadable.push(cause));
  await client.register({ username, password: 'Correct-Horse-7' });
  await client.connect();
  return { bob: client, unreadable };
}

/** The directory may not know a name that is seconds old. */
async function talkTo(client: Client, username: string): Promise<Conversation> {
  const found = await vi.waitFor(
    async () => (await client.findUser(username)) ?? expect.fail(),
    WAIT,
  );
  return (await client.openDirect(found.user)).id;
}

async function textsOf(client: Client, conversation: Conversation): Promise<string[]> {
  const items = await client.history(conversation, { limit: 10_000 });
  return items.map((item) => {
    if (item.type !== 'message') return item.type;
    return item.content.type === 'text' ? item.content.text : item.content.type;
  });
}
