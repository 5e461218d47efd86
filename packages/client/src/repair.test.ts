/** Messages that cannot be read when they come: all are shown in the end, in their places, once. */
import type { ConversationId, MessageSlot, Slot } from '@sotto/api';
import { nodeProvider } from '@sotto/crypto/node';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type Client, createClient } from './client.ts';
import { encodeContent } from './content.ts';
import type { Control } from './control.ts';
import { enqueueControl } from './control-outbox.ts';
import type { Message } from './history-item.ts';
import { keys } from './key-space.ts';
import { type Platform, startPlatform } from './platform.fixture.ts';
import type { Device } from './platform-operations.fixture.ts';
import { loadLocalParty } from './sessions.ts';
import type { Store } from './store.ts';
import { openMemoryStore } from './store-memory.ts';

const HOUR_MS = 3_600_000;

let platform: Platform;
let clients: Client[];
/** Of all clients, ahead of the machine's clock. */
let aheadMs: number;

beforeEach(async () => {
  platform = await startPlatform();
  clients = [];
  aheadMs = 0;
});
afterEach(async () => {
  for (const client of clients) await client.close();
  await platform.close();
});

test('a message that was damaged on its way is sent again, and lies in its place as if nothing had been', async () => {
  const { alice, bob, conversation } = await pair();
  const taken = take(alice.client);
  await until(() => taken.texts.length === 1);
  damageNext({ behind: 1 });
  for (const text of ['one', 'two', 'three']) await bob.client.sendText(conversation, text);
  await until(() => taken.texts.length === 4);
  expect(taken.texts).toEqual(['hello', 'one', 'three', 'two']);
  const items = await theirs(alice.client, conversation);
  expect(
    items.map(({ content, order, isRepaired }) => [textOf(content), order, isRepaired]),
  ).toEqual([
    ['hello', 'next', undefined],
    ['one', 'next', undefined],
    ['two', 'next', true],
    ['three', 'next', undefined],
  ]);
});

test('what the platform calls a word between devices is shown all the same when it is for people', async () => {
  const { alice, bob, conversation } = await pair();
  const unreadable = vi.fn();
  alice.client.on('unreadable', unreadable);
  damageNext({ as: 'targeted' });
  for (const text of ['hidden', 'open']) await bob.client.sendText(conversation, text);
  await until(async () => (await textsOf(alice.client, conversation)).length === 3);
  expect(await textsOf(alice.client, conversation)).toEqual(['hello', 'hidden', 'open']);
  expect(unreadable).not.toHaveBeenCalled();
});

test.each([
  ['cannot be read', () => Uint8Array.of(1, 2, 3)],
  ['are those of an older copy', (before: Uint8Array) => before],
])('two devices go on talking when the sessions in both stores %s', async (_, worse) => {
  const { alice, bob, conversation } = await pair();
  const before = [await sessionsOf(alice.store), await sessionsOf(bob.store)];
  for (const text of ['a', 'b']) await say(alice, bob, { conversation, text });
  for (const text of ['c', 'd']) await say(bob, alice, { conversation, text });
  for (const [index, { store }] of [alice, bob].entries()) {
    await store.transaction(async (transaction) => {
      for (const { key, value } of before[index]!) await transaction.put(key, worse(value));
    });
  }
  for (let number = 0; number < 5; number++) {
    await alice.client.sendText(conversation, `from alice ${number}`);
    await bob.client.sendText(conversation, `from bob ${number}`);
  }
  const numbers = [0, 1, 2, 3, 4];
  await until(async () => (await theirs(alice.client, conversation)).length === 8);
  await until(async () => (await theirs(bob.client, conversation)).length === 8);
  expect(await textsOf(alice.client, conversation)).toEqual([
    ...['hello', 'c', 'd'],
    ...numbers.map((number) => `from bob ${number}`),
  ]);
  expect(await textsOf(bob.client, conversation)).toEqual([
    ...['hello yourself', 'a', 'b'],
    ...numbers.map((number) => `from alice ${number}`),
  ]);
});

test('a message is sent again after both have been away, and the loop over messages gets it', async () => {
  const { alice, bob, conversation } = await pair();
  damageNext();
  await bob.client.whenStored((await bob.client.sendText(conversation, 'late but there')).id);
  await bob.client.close();
  await until(() => toldBy('alice') === 1);
  await alice.client.close();
  const back = await reopened(bob);
  await until(() => toldBy('bob') === 1);
  await back.client.close();
  const again = await reopened(alice);
  const taken = take(again.client);
  await until(() => taken.texts.includes('late but there'));
});

test('a text that fills a message by itself is sent again in pieces', async () => {
  const { alice, bob, conversation } = await pair();
  damageNext();
  const long = 'x'.repeat(60_000);
  await bob.client.sendText(conversation, long);
  await until(async () => (await textsOf(alice.client, conversation)).includes(long));
  expect(toldBy('bob')).toBe(2);
});

test('a message that nobody answers for is asked for four times, however long and whatever else comes', async () => {
  const { alice, bob, conversation } = await pair();
  damageNext();
  await bob.client.whenStored((await bob.client.sendText(conversation, 'lost')).id);
  await bob.client.close();
  await until(() => toldBy('alice') === 1);
  for (let day = 0; day < 6; day++) {
    const before = toldBy('alice');
    aheadMs += 25 * HOUR_MS;
    platform.cutAll();
    if (day < 3) await until(() => toldBy('alice') === before + 1);
    else await alice.client.whenStored((await alice.client.sendText(conversation, 'day')).id);
  }
  expect(toldBy('alice')).toBe(4);
});

test('a forged message costs its supposed sender nothing but questions', async () => {
  const { bob, conversation } = await pair();
  const trouble = vi.fn();
  bob.client.on('trouble', trouble);
  const room = platform.rooms[0]!;
  const sent = () => room.messages.filter(({ from }) => from.username === 'bob').length;
  const to = device('alice').device;
  const seq = room.messages.length + 1;
  const id = '01890000-0000-7000-8000-00000000beef' as Message['id'];
  const ciphertext = new Uint8Array(200).fill(7);
  room.messages.push({
    message: { kind: 'direct', id, conversation, recipients: [{ device: to, ciphertext }] },
    from: device('bob'),
    stored: { id, conversation, seq, sentAt: '2026-01-01T00:00:00.000Z' },
  });
  const before = sent();
  platform.cutAll();
  await until(() => toldBy('alice') === 1);
  await bob.client.whenStored((await bob.client.sendText(conversation, 'here I am')).id);
  expect(sent()).toBe(before + 1);
});

test('who took over an account and was accepted gets nothing that was written before', async () => {
  const { alice, bob, conversation } = await pair();
  const secret = await alice.client.sendText(conversation, 'for the old Bob');
  await alice.client.whenStored(secret.id);
  await alice.store.transaction(async (transaction) => {
    const key = keys.peer(device('bob').user);
    const peer = JSON.parse(new TextDecoder().decode(await transaction.get(key)));
    const accepted = { ...peer, acceptedAt: Date.now() };
    await transaction.put(key, new TextEncoder().encode(JSON.stringify(accepted)));
  });
  const later = await alice.client.sendText(conversation, 'for the new Bob');
  await alice.client.whenStored(later.id);
  const of = device('alice').device;
  await tell(bob, alice, {
    conversation,
    control: { type: 'resend', of, ids: [secret.id, later.id] },
  });
  await say(bob, alice, { conversation, text: 'give me all of it' });
  await until(() => toldBy('alice') > 0);
  await say(alice, bob, { conversation, text: 'and that is all' });
  expect(toldBy('alice')).toBe(1);
});

test('nothing that can be read is replaced by what is said to be it again', async () => {
  const { alice, bob, conversation } = await pair();
  const { id } = await bob.client.sendText(conversation, 'my word');
  await until(async () => (await textsOf(alice.client, conversation)).includes('my word'));
  const of = device('bob').device;
  const content = encodeContent({ type: 'text', text: 'another word' });
  const facts = { of, id, counter: 2, time: 1, offset: 0, size: content.length, content };
  await tell(bob, alice, { conversation, control: { type: 'again', ...facts } });
  await say(bob, alice, { conversation, text: 'then' });
  expect(await textsOf(alice.client, conversation)).toEqual(['hello', 'my word', 'then']);
});

test('a device that asks without end gets so many answers and no more', async () => {
  const { alice, bob, conversation } = await pair();
  const { id } = await alice.client.sendText(conversation, 'again and again');
  await alice.client.whenStored(id);
  const of = device('alice').device;
  const control = { type: 'resend' as const, of, ids: [id] };
  await tell(bob, alice, { conversation, control, times: 520 });
  await say(bob, alice, { conversation, text: 'done' });
  await until(() => toldBy('alice') >= 500, 30_000);
  await say(alice, bob, { conversation, text: 'enough' });
  expect(toldBy('alice')).toBe(500);
}, 60_000);

test('wherever a client dies while it repairs, each message is there once in the end', async () => {
  for (let step = 1, isReached = true; isReached; step++) {
    await platform.close();
    platform = await startPlatform();
    const { alice, bob, conversation } = await pair();
    const mortal = alice.dieAt(step);
    damageNext({ behind: 1 });
    for (const text of ['one', 'two', 'three']) await bob.client.sendText(conversation, text);
    const isWhole = async (client: Client) => (await textsOf(client, conversation)).length === 4;
    await until(async () => mortal.isDead() || (await isWhole(alice.client)));
    isReached = mortal.isDead();
    await alice.client.close();
    const back = isReached ? await reopened(alice) : alice;
    if (isReached) await until(() => isWhole(back.client));
    expect(await textsOf(back.client, conversation)).toEqual(['hello', 'one', 'two', 'three']);
    expect(await countUnreadable(back.client, conversation)).toBe(0);
    expect(await arrivalsOf(back.store)).toBe(4);
    for (const client of clients.splice(0)) await client.close();
  }
}, 180_000);

interface Party {
  readonly name: string;
  readonly client: Client;
  /** It outlives its client. */
  readonly store: Store;
  /** From the given transaction on, counted from now, nothing is written any more. */
  dieAt(transaction: number): { isDead(): boolean };
}

function open(name: string, store: Store): Party {
  let left = Number.POSITIVE_INFINITY;
  const mortal: Store = {
    transaction: (work) => {
      left -= 1;
      return left >= 0 ? store.transaction(work) : Promise.reject(new Error('killed'));
    },
    close: async () => {},
  };
  const clock = () => Date.now() + aheadMs;
  const given = { url: platform.url, provider: nodeProvider, clock };
  const client = createClient({ ...given, store: mortal });
  clients.push(client);
  const dieAt = (transaction: number) => {
    left = transaction - 1;
    return { isDead: () => left < 0 };
  };
  return { name, client, store, dieAt };
}

async function enter(name: string): Promise<Party> {
  const party = open(name, openMemoryStore());
  await party.client.register({ username: name, password: 'Secret!23' });
  await party.client.connect();
  return party;
}

async function reopened({ name, client, store }: Party): Promise<Party> {
  await client.close();
  const party = open(name, store);
  await party.client.connect();
  return party;
}

/** Two who have both written and read one message. */
async function pair(): Promise<{ alice: Party; bob: Party; conversation: ConversationId }> {
  const [alice, bob] = [await enter('alice'), await enter('bob')];
  const { id: conversation } = await alice.client.openDirect(device('bob').user);
  await say(bob, alice, { conversation, text: 'hello' });
  await say(alice, bob, { conversation, text: 'hello yourself' });
  return { alice, bob, conversation };
}

interface Saying {
  readonly conversation: ConversationId;
  readonly text: string;
}

async function say(from: Party, to: Party, { conversation, text }: Saying): Promise<void> {
  await from.client.sendText(conversation, text);
  await until(async () => (await textsOf(to.client, conversation)).includes(text), 30_000);
}

interface Telling {
  readonly conversation: ConversationId;
  readonly control: Control;
  readonly times?: number;
}

/** Has a device say to another one what its own code might not. */
async function tell(from: Party, to: Party, { conversation, control, times = 1 }: Telling) {
  const local = await loadLocalParty(from.store, nodeProvider);
  const deps = { provider: nodeProvider, local, clock: Date.now };
  const { user, device: other } = device(to.name);
  await from.store.transaction(async (transaction) => {
    for (let count = 0; count < times; count++) {
      const message = { conversation, control, to: [{ user, device: other }] };
      await enqueueControl(deps, transaction, message);
    }
  });
}

/** Changes a byte of what lies at a place behind all that there is now, for whoever is to read it. */
function damageNext({ behind = 0, as }: { behind?: number; as?: MessageSlot['kind'] } = {}): void {
  const place = platform.rooms[0]!.messages.length + 1 + behind;
  platform.show = (slot: Slot) => {
    if (slot.type !== 'message' || slot.seq !== place) return [slot];
    const ciphertext = slot.ciphertext.with(-1, slot.ciphertext.at(-1)! ^ 1);
    return [{ ...slot, ciphertext, kind: as ?? slot.kind }];
  };
}

/** How many messages a device has sent to devices and not to people. */
function toldBy(name: string): number {
  const all = platform.rooms.flatMap(({ messages }) => messages);
  return all.filter(({ from, message }) => from.username === name && message.kind === 'targeted')
    .length;
}

function device(name: string): Device {
  return platform.devices.find(({ username }) => username === name)!;
}

async function sessionsOf(store: Store) {
  return store.transaction((transaction) =>
    transaction.list({ prefix: keys.sessions(), limit: 10 }),
  );
}

/** Gives what the loop over messages gets. */
function take(client: Client): { texts: string[] } {
  const taken = { texts: [] as string[] };
  const loop = async () => {
    for await (const { content, own } of client.messages()) {
      if (!own) taken.texts.push(textOf(content));
    }
  };
  void loop();
  return taken;
}

async function theirs(client: Client, conversation: ConversationId): Promise<Message[]> {
  const items = await client.history(conversation, { limit: 1000 });
  return items.filter((item) => item.type === 'message').filter(({ own }) => !own);
}

async function textsOf(client: Client, conversation: ConversationId): Promise<string[]> {
  return (await theirs(client, conversation)).map(({ content }) => textOf(content));
}

async function countUnreadable(client: Client, conversation: ConversationId): Promise<number> {
  const items = await client.history(conversation, { limit: 1000 });
  return items.filter(({ type }) => type === 'unreadable').length;
}

async function arrivalsOf(store: Store): Promise<number> {
  return store.transaction(async (transaction) => {
    return (await transaction.list({ prefix: keys.arrivals, limit: 100 })).length;
  });
}

function textOf(content: Message['content']): string {
  return content.type === 'text' ? content.text : content.type;
}

async function until(condition: () => boolean | Promise<boolean>, ms = 20_000): Promise<void> {
  await vi.waitFor(async () => expect(await condition()).toBe(true), { timeout: ms, interval: 5 });
}
