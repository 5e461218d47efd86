/** Two people, one of them with two devices, who talk over the platform of `platform.fixture.ts`. */
import { ApiError, type ConversationId, toProblem } from '@sotto/api';
import { nodeProvider } from '@sotto/crypto/node';
import { expect, vi } from 'vitest';
import { listedDevices } from '../account/own-list.ts';
import { type Client, createClient } from '../client.ts';
import { type Platform, startPlatform } from '../platform/platform.fixture.ts';
import { addressedBy } from '../platform/platform-operations.fixture.ts';
import type { MessageView } from '../state/view.ts';
import { keys } from '../store/key-space.ts';
import type { Store } from '../store/store.ts';
import { openMemoryStore } from '../store/store-memory.ts';
import { decodeRecord, entriesUnder } from '../store/stored-record.ts';
import { loadLocalParty } from '../trust/sessions.ts';
import { type Content, encodeContent } from './content.ts';
import type { AnyMessage, HistoryItem } from './history-item.ts';
import { viewMessages } from './message-view.ts';
import { enqueue } from './outbox.ts';
import { OutboxEntry, putEntry } from './outbox-entry.ts';

/** One device of somebody. */
export interface Person {
  readonly client: Client;
  readonly store: Store;
}

export interface Pair {
  readonly platform: Platform;
  readonly alice: Person;
  readonly bob: Person;
  readonly conversation: ConversationId;
  /** What all clocks are ahead by, in milliseconds. */
  readonly clock: { offset: number };
  /** A client on the store of a person whose client was closed, not connected. */
  open(store: Store): Person;
  /** The same, connected. */
  reopen(person: Person): Promise<Person>;
  /** Another device of bob. */
  linkBob(): Promise<Person>;
  close(): Promise<void>;
}

/** They are connected; alice has said hello, and bob has accepted that. */
export async function openPair(): Promise<Pair> {
  const platform = await startPlatform();
  const clients: Client[] = [];
  const clock = { offset: 0 };
  const open = (store: Store): Person => {
    const time = () => Date.now() + clock.offset;
    const client = createClient({
      url: platform.url,
      store,
      provider: nodeProvider,
      clock: time,
    });
    clients.push(client);
    return { client, store };
  };
  const enter = async (username: string) => {
    const person = open(keptOpen());
    await person.client.register({ username, password: 'Secret!23' });
    await person.client.connect();
    return person;
  };
  const [alice, bob] = [await enter('alice'), await enter('bob')];
  const found = await alice.client.findUser('bob');
  const { id: conversation } = await alice.client.openDirect(found!.user);
  await alice.client.sendText(conversation, 'hello');
  await until(async () => expect(await texts(bob, conversation)).toEqual(['hello']));
  await bob.client.people.accept(conversation);
  return {
    ...{ platform, alice, bob, conversation, clock, open },
    async reopen({ store }) {
      const person = open(store);
      await person.client.connect();
      return person;
    },
    async linkBob() {
      const identity = await bob.store.transaction((it) => it.get(keys.identity));
      const second = open(keptOpen());
      await second.store.transaction((it) => it.put(keys.identity, identity!));
      await second.client.login({ username: 'bob', password: 'Secret!23' });
      await second.client.connect();
      platform.judge = demandingAll(platform);
      const first = platform.devices.find(({ username }) => username === 'bob');
      const told = { type: 'keys-changed', user: first?.user, what: 'device-list' };
      first?.socket?.send(JSON.stringify(told));
      await until(async () => expect(await bob.store.transaction(listedDevices)).toHaveLength(2));
      return second;
    },
    async close() {
      for (const client of clients) await client.close();
      await platform.close();
    },
  };
}

/** Refuses a message to people that does not reach all their devices, as the platform does. */
function demandingAll({ devices }: Platform): Platform['judge'] {
  return (message, _, from) => {
    const reached = new Set(addressedBy(message).map(({ device }) => device));
    const left = devices.filter((to) => to !== from && !reached.has(to.device));
    if (message.kind !== 'direct' || left.length === 0) return undefined;
    const missing = left.map(({ user, device }) => ({ user, device }));
    return toProblem(new ApiError('message.devices-stale', { devices: { missing, unknown: [] } }));
  };
}

/** A store that outlives the clients that close it, as the disk outlives processes. */
function keptOpen(): Store {
  const store = openMemoryStore();
  return { transaction: (work) => store.transaction(work), close: async () => {} };
}

/** What a person sees of a conversation. */
export async function lines(
  { store }: Person,
  conversation: ConversationId,
  limit = 100,
): Promise<MessageView[]> {
  const local = await loadLocalParty(store, nodeProvider);
  return store.transaction((it) => viewMessages(it, local, conversation, { limit }));
}

/** The same in short. */
export async function texts(person: Person, conversation: ConversationId): Promise<string[]> {
  const shown = await lines(person, conversation);
  return shown.map(({ body }) => (body.type === 'text' ? body.text : body.type));
}

/** The line of a person that shows this text. */
export async function lineOf(
  person: Person,
  conversation: ConversationId,
  text: string,
): Promise<MessageView> {
  const shown = await lines(person, conversation);
  return (
    shown.find(({ body }) => body.type === 'text' && body.text === text) ??
    expect.fail(`nothing says ${text}`)
  );
}

/** The history's messages. */
export async function messages(
  { client }: Person,
  conversation: ConversationId,
): Promise<AnyMessage[]> {
  const isMessage = (item: HistoryItem) => item.type !== 'membership';
  return (await client.history(conversation, { limit: 10_000 })).filter(isMessage);
}

/** Sends what the client itself would not: any content, or any bytes. It leaves with the next text. */
export async function forge(
  { store }: Person,
  conversation: ConversationId,
  content: Content | Uint8Array,
): Promise<void> {
  const local = await loadLocalParty(store, nodeProvider);
  const deps = { provider: nodeProvider, local, clock: Date.now };
  await store.transaction(async (it) => {
    const stand = { type: 'text', text: 'x' } as const;
    const id = await enqueue(deps, it, { conversation, content: stand });
    for await (const { value } of entriesUnder(it, keys.outbox(conversation))) {
      const entry = decodeRecord(OutboxEntry, value);
      const bytes = content instanceof Uint8Array ? content : encodeContent(content);
      if (entry.id === id) await putEntry(it, { ...entry, content: bytes });
    }
  });
}

/** How many records lie under a prefix. */
export function countUnder({ store }: Person, prefix: string): Promise<number> {
  return store.transaction(async (it) => (await it.list({ prefix, limit: 10_000 })).length);
}

/** All that lies in a store, with bytes in base64url read as text where they are messages. */
export function allRecords({ store }: Person): Promise<string> {
  return store.transaction(async (it) => {
    const entries = await it.list({ prefix: '', limit: 10_000 });
    const records = entries.map(({ value }) => Buffer.from(value).toString());
    const contents = records.flatMap((record) =>
      [...record.matchAll(/"content":"([\w-]+)"/g)].map(([, bytes]) =>
        Buffer.from(bytes ?? '', 'base64url').toString(),
      ),
    );
    return [...records, ...contents].join('\n');
  });
}

export async function until(check: () => unknown): Promise<void> {
  await vi.waitFor(check, { timeout: 20_000, interval: 5 });
}
