/** What a message costs on the disk: numbers that nobody sees rise until a phone is slow. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StatementSync } from 'node:sqlite';
import { nodeProvider } from '@sotto/crypto/node';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type Client, createClient } from '../client.ts';
import { type Platform, startPlatform } from '../platform/platform.fixture.ts';
import type { Store } from '../store/store.ts';
import { openSqliteStore } from '../store/store-sqlite.ts';

const WAIT_MS = 20_000;

let platform: Platform;
let clients: Client[];
let directory: string;

beforeEach(async () => {
  platform = await startPlatform();
  clients = [];
  directory = mkdtempSync(join(tmpdir(), 'sotto-cost-'));
});
afterEach(async () => {
  vi.restoreAllMocks();
  for (const client of clients) await client.close();
  await platform.close();
  rmSync(directory, { recursive: true });
});

/** Of both ends together, for one message. What rises here, rises on every phone for every message. */
const ALONE = { transactions: 5, statements: 36 };
const TOGETHER = { transactions: 3, statements: 20, commits: 0.3 };

test('a message alone waits for the disk three times where it is written, and once where it is read', async () => {
  const talk = await beginTalk();
  await talk.say(1);
  // On a busy machine something of the first minute may fall into one of them.
  const costs = [await talk.costOf(1), await talk.costOf(1), await talk.costOf(1)];
  const [cost] = costs.toSorted((one, other) => one.transactions - other.transactions);
  expect(cost?.commits).toBe(4);
  expect(cost?.transactions).toBeLessThanOrEqual(ALONE.transactions);
  expect(cost?.statements).toBeLessThanOrEqual(ALONE.statements);
});

test('messages written at once share what they wait for', async () => {
  const talk = await beginTalk();
  await talk.say(100);
  const cost = await talk.costOf(300);
  expect(cost.commits).toBeLessThanOrEqual(TOGETHER.commits);
  expect(cost.transactions).toBeLessThanOrEqual(TOGETHER.transactions);
  expect(cost.statements).toBeLessThanOrEqual(TOGETHER.statements);
});

/** Two people who have written to each other. */
async function beginTalk() {
  const transactions = vi.fn();
  const enter = async (username: string) => {
    const store = counted(openSqliteStore(join(directory, username)), transactions);
    const client = createClient({ url: platform.url, store, provider: nodeProvider });
    clients.push(client);
    const { user } = await client.register({ username, password: 'Secret!23' });
    await client.connect();
    return { client, user };
  };
  const [alice, bob] = [await enter('alice'), await enter('bob')];
  const { id: conversation } = await alice.client.openDirect(bob.user);

  /** Resolves when all are stored on both ends. */
  async function say(count: number, by = alice, to = bob): Promise<void> {
    let isLeft = 2 * count;
    const ends = [
      by.client.on('stored', () => {
        isLeft -= 1;
      }),
      to.client.on('message', () => {
        isLeft -= 1;
      }),
    ];
    await Promise.all(
      Array.from({ length: count }, (_, index) => by.client.sendText(conversation, `${index}`)),
    );
    await vi.waitFor(() => expect(isLeft).toBe(0), WAIT_MS);
    for (const end of ends) end();
  }

  /** For one message, of so many that are written at once. */
  async function costOf(count: number) {
    const spies = (['run', 'get', 'all'] as const).map((name) =>
      vi.spyOn(StatementSync.prototype, name),
    );
    transactions.mockClear();
    await say(count);
    const run = spies.flatMap(({ mock }) => mock.contexts as StatementSync[]);
    const commits = run.filter(({ sourceSQL }) => sourceSQL === 'COMMIT');
    for (const spy of spies) spy.mockRestore();
    return {
      transactions: transactions.mock.calls.length / count,
      statements: run.length / count,
      commits: commits.length / count,
    };
  }

  await say(1);
  await say(1, bob, alice);
  return { say, costOf };
}

function counted(store: Store, count: () => void): Store {
  return {
    transaction(work) {
      count();
      return store.transaction(work);
    },
    close: () => store.close(),
  };
}
