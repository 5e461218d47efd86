/** Two people on the platform of `platform.fixture.ts`, of whom one looks at the state of her client. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { ConversationId, ServerFrame, UserId } from '@sotto/api';
import { nodeProvider } from '@sotto/crypto/node';
import { expect, vi } from 'vitest';
import { type Client, createClient } from '../client.ts';
import { type Platform, startPlatform } from '../platform/platform.fixture.ts';
import type { Store, StoreTransaction } from '../store/store.ts';
import { openMemoryStore } from '../store/store-memory.ts';
import type { Observable } from './observable.ts';
import type { MessageView } from './view.ts';

export interface Scene {
  readonly platform: Platform;
  readonly alice: Client;
  readonly bob: Client;
  /** Of the two. */
  readonly conversation: ConversationId;
  /** Alice's, which is still there when her client has closed it. */
  readonly store: Store;
  /** How often her client has read each key and prefix of it, and written each key. */
  readonly reads: Map<string, number>;
  readonly writes: Map<string, number>;
  /** A client on this store, or of nobody yet. */
  open(store?: Store): Client;
  /** Somebody else. */
  enter(username: string): Promise<Client>;
  /** Has the platform tell a frame to alice. */
  tell(frame: ServerFrame): void;
  /** Whom alice watches over the connection that she has now, each time that she says so. */
  watches(): string[][];
  /** Has the next writing of a key of alice's store fail. */
  failWrite(key: string): void;
  /** How many items alice's history of the conversation has. */
  countHistory(): Promise<number>;
  /** Resolves when everything has been read that alice's state was to read by now. */
  settled(): Promise<void>;
  close(): Promise<void>;
}

/** They are connected, and have said nothing. */
export async function openScene(): Promise<Scene> {
  const platform = await startPlatform();
  const clients: Client[] = [];
  const [reads, writes] = [new Map<string, number>(), new Map<string, number>()];
  const failing = new Set<string>();
  const store = counted(openMemoryStore(), { reads, writes, failing });
  const open = (store: Store = openMemoryStore()) => {
    const client = createClient({ url: platform.url, store, provider: nodeProvider });
    clients.push(client);
    return client;
  };
  const enter = async (username: string, store?: Store) => {
    const client = open(store);
    await client.register({ username, password: 'Secret!23' });
    await client.connect();
    return client;
  };
  const alice = await enter('alice', store);
  const bob = await enter('bob');
  const conversation = (await bob.openDirect(await userOf(alice))).id;
  const socket = () => platform.devices.find(({ username }) => username === 'alice')?.socket;
  return {
    ...{ platform, alice, bob, conversation, store, reads, writes, open },
    enter: (username) => enter(username),
    tell: (frame) => socket()?.send(JSON.stringify(frame)),
    watches() {
      const watched: string[][] = [];
      socket()?.on('message', (data) => {
        const frame = JSON.parse(String(data));
        if (frame.type === 'watch') watched.push(frame.users);
      });
      return watched;
    },
    failWrite: (key) => failing.add(key),
    countHistory: async () => (await alice.history(conversation, { limit: 10_000 })).length,
    async settled() {
      // What is asked for last is read last.
      const nowhere = crypto.randomUUID() as ConversationId;
      const { value, end } = watch(alice.state.messages(nowhere));
      await until(() => expect(value()).toEqual([]));
      end();
    },
    async close() {
      for (const client of clients) await client.close();
      await platform.close();
    },
  };
}

export async function userOf(client: Client): Promise<UserId> {
  return (await client.me())?.user ?? expect.fail('nobody is logged in');
}

/** Subscribes; gives the value as it is now, and how often it was told of a change. */
export function watch<T>(observable: Observable<T>) {
  let count = 0;
  const end = observable.subscribe(() => {
    count += 1;
  });
  return { value: observable.get, count: () => count, end };
}

/** Afterwards only what somebody has is there. */
export async function collectGarbage(): Promise<void> {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  // What a WeakRef has given lives until the end of its turn.
  await new Promise((resolve) => setTimeout(resolve));
  collect();
}

/** Writes messages, and gives their texts. */
export async function say(
  from: Client,
  conversation: ConversationId,
  count: number,
): Promise<string[]> {
  const all = Array.from({ length: count }, (_, index) => `number ${index}`);
  await Promise.all(all.map((text) => from.sendText(conversation, text)));
  return all;
}

export function texts(lines: readonly MessageView[] | undefined): string[] {
  return (lines ?? []).map(({ body }) => (body.type === 'text' ? body.text : body.type));
}

export function statuses(lines: readonly MessageView[] | undefined): string[] {
  return (lines ?? []).map(({ status }) => status);
}

export async function until(check: () => unknown, timeout = 20_000): Promise<void> {
  await vi.waitFor(check, { timeout, interval: 5 });
}

type Counts = Map<string, number>;

interface Watching {
  readonly reads: Counts;
  readonly writes: Counts;
  readonly failing: Set<string>;
}

function counted(inner: Store, { reads, writes, failing }: Watching): Store {
  const count = (counts: Counts, key: string) => counts.set(key, (counts.get(key) ?? 0) + 1);
  const counting = (transaction: StoreTransaction): StoreTransaction => ({
    get(key) {
      count(reads, key);
      return transaction.get(key);
    },
    list(range) {
      count(reads, range.prefix);
      return transaction.list(range);
    },
    put(key, value) {
      count(writes, key);
      if (failing.delete(key)) return Promise.reject(new Error('the disk is full'));
      return transaction.put(key, value);
    },
    delete: (key) => transaction.delete(key),
  });
  return {
    close: async () => {},
    transaction: (work) => inner.transaction((transaction) => work(counting(transaction))),
  };
}
