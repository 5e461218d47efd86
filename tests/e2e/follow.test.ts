/** Two processes on one account and one SQLite store, of which the one that runs the client is killed. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Client, createClient, openMemoryStore } from '@sotto/client';
import { nodeProvider } from '@sotto/crypto/node';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { NO_LIMITS, type Standalone, startStandalone } from '../cluster.ts';
import type { Orders, Told } from './follow-program.ts';

const PROGRAM = fileURLToPath(new URL('follow-program.ts', import.meta.url));
const WAIT = { timeout: 30_000, interval: 20 };

type Conversation = Parameters<Client['history']>[0];

let platform: Standalone;
let directory: string;
const running = new Set<ChildProcess>();
const clients: Client[] = [];

beforeAll(async () => {
  platform = await startStandalone({ environment: NO_LIMITS });
  directory = mkdtempSync(join(tmpdir(), 'sotto-follow-'));
});
afterEach(async () => {
  for (const child of running) child.kill('SIGKILL');
  for (const client of clients.splice(0)) await client.close();
});
afterAll(async () => {
  await platform?.close();
  rmSync(directory, { recursive: true, force: true });
});

test('two processes show the same and both write; whoever runs the client is killed three times, and nothing is lost, twice or unreadable', async () => {
  const path = join(directory, 'alice.sqlite');
  const { bob, unreadable } = await openPeer();
  let holder = await start(path);
  await holder.do.enter('alice');
  let follower = await start(path);
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
    follower = await start(path);
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

interface Running {
  readonly process: ChildProcess;
  /** What it told to be in the store. */
  readonly said: string[];
  readonly do: Orders;
}

async function start(path: string): Promise<Running> {
  const child = fork(PROGRAM, [platform.url, path]);
  running.add(child);
  child.on('exit', () => running.delete(child));
  const said: string[] = [];
  const waiting = new Map<number, PromiseWithResolvers<unknown>>();
  let last = 0;
  const expectAnswer = (order: number) => {
    const answer = Promise.withResolvers<unknown>();
    waiting.set(order, answer);
    return answer.promise;
  };
  child.on('message', (told: Told) => {
    if ('said' in told) return said.push(told.said);
    const answer = waiting.get(told.order);
    if (told.error === undefined) answer?.resolve(told.result);
    else answer?.reject(new Error(told.error));
  });
  child.on('exit', () => {
    for (const { reject } of waiting.values()) reject(new Error('the process has ended'));
  });
  async function order<T>(name: keyof Orders, ...args: unknown[]): Promise<T> {
    last += 1;
    child.send({ order: last, name, args });
    return (await expectAnswer(last)) as T;
  }
  await expectAnswer(0);
  return {
    process: child,
    said,
    do: {
      enter: (username) => order('enter', username),
      say: (conversation, prefix, count) => order('say', conversation, prefix, count),
      lines: (conversation) => order('lines', conversation),
      close: () => order('close'),
    },
  };
}

async function openPeer() {
  const client = createClient({
    url: platform.url,
    store: openMemoryStore(),
    provider: nodeProvider,
  });
  clients.push(client);
  const unreadable: string[] = [];
  client.on('unreadable', ({ cause }) => unreadable.push(cause));
  await client.register({ username: 'bob', password: 'Correct-Horse-7' });
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
