/** Names and pictures: who gets them, how often, and what is refused. What strangers and groups get is in `tests/e2e`. */
import { randomUUID } from 'node:crypto';
import { ApiError, type UserId } from '@sotto/api';
import { nodeProvider } from '@sotto/crypto/node';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type Client, createClient } from './client.ts';
import { enqueueControl } from './control-outbox.ts';
import type { ConversationRecord } from './conversation-record.ts';
import { PICTURE_BYTES_MAX, PROFILE_LOOK_MS } from './limits.ts';
import { OutboxEntry } from './outbox-entry.ts';
import { getSpread } from './own-profile.ts';
import type { Picture } from './picture.ts';
import { type Platform, startPlatform } from './platform.fixture.ts';
import { NOW } from './platform-operations.fixture.ts';
import { blocksOf } from './platform-people.fixture.ts';
import { getPeer } from './records.ts';
import { loadLocalParty } from './sessions.ts';
import type { Store } from './store.ts';
import { openMemoryStore } from './store-memory.ts';
import { getRecord, putRecord } from './stored-record.ts';

const WAIT_MS = 10_000;

interface Person {
  readonly client: Client;
  readonly user: UserId;
  readonly store: Store;
}

let platform: Platform;
let clients: Client[];
let alice: Person;
let bob: Person;
let conversation: ConversationRecord;
/** Before the one time at which the platform stores everything, and slower than the real one. */
let now: number;

beforeEach(async () => {
  platform = await startPlatform();
  clients = [];
  now = Date.parse(NOW) - 24 * 3_600_000;
  alice = await enter('alice');
  bob = await enter('bob');
  conversation = await alice.client.openDirect(bob.user);
});
afterEach(async () => {
  for (const client of clients) await client.close();
  await platform.close();
});

test('a name and a picture come with the first message, once', async () => {
  const picture = png(100_000);
  await alice.client.people.setProfile({ name: 'Alice Ångström', picture });
  const heard: UserId[] = [];
  bob.client.on('profile', ({ user }) => heard.push(user));
  for (const text of ['one', 'two', 'three']) await say(alice, text);
  await shows(bob, alice, 'Alice Ångström');
  for (const text of ['four', 'five']) await say(alice, text);
  await until(async () => (await bob.client.history(conversation.id)).length === 5);
  await settled();
  expect(profilesSent()).toBe(1);
  expect(heard).toEqual([alice.user]);
  expect(await bob.client.people.openPicture(alice.user)).toEqual(picture);
  platform.calls.length = 0;
  expect(await bob.client.people.openPicture(alice.user)).toEqual(picture);
  expect(platform.calls).toEqual([]);
  const files = [...platform.files.stored.values()];
  expect(files).toHaveLength(1);
  expect(Buffer.from(files[0]!).includes(Buffer.from(picture.bytes.subarray(0, 32)))).toBe(false);
});

test('a change reaches everybody who was written to, and nobody else', async () => {
  const carol = await enter('carol');
  await carol.client.openDirect(alice.user);
  await say(alice, 'hello');
  await alice.client.people.setProfile({ name: 'Alice', picture: png(500) });
  await shows(bob, alice, 'Alice');
  await alice.client.people.setProfile({ name: 'Alicia' });
  await shows(bob, alice, 'Alicia');
  expect(await bob.client.people.openPicture(alice.user)).toEqual(png(500));
  await alice.client.people.setProfile({ name: null, picture: null });
  await until(async () => (await bob.client.people.profile(alice.user))?.name === undefined);
  expect(await bob.client.people.openPicture(alice.user)).toBeUndefined();
  // What nobody is told of any more is deleted.
  await until(() => platform.files.stored.size === 0);
  expect(await carol.client.people.profile(alice.user)).toBeUndefined();
  expect(profilesSent()).toBe(3);
});

test('who was written to by somebody shows them nothing before answering or accepting', async () => {
  await bob.client.people.setProfile({ name: 'Bob' });
  await alice.client.people.setProfile({ name: 'Alice' });
  await say(alice, 'you do not know me');
  // A person must know who asks.
  await shows(bob, alice, 'Alice');
  await bob.client.people.setProfile({ name: 'Robert' });
  await spreadOf(bob);
  expect(await alice.client.people.profile(bob.user)).toBeUndefined();
  await bob.client.people.accept(conversation.id);
  await shows(alice, bob, 'Robert');
});

test('the members of a group get it once, however much is said, and so does who comes later', async () => {
  const [carol, dave] = [await enter('carol'), await enter('dave')];
  conversation = await alice.client.groups.create({ members: [bob.user, carol.user] });
  await alice.client.people.setProfile({ name: 'Alice', picture: png(3_000) });
  await say(alice, 'hello, all of you');
  for (const member of [bob, carol]) await shows(member, alice, 'Alice');
  const before = profilesSent();
  for (const text of ['one', 'two', 'three']) await say(alice, text);
  // Bob is known from here: what is said to him elsewhere carries nothing again.
  const group = conversation;
  conversation = await alice.client.openDirect(bob.user);
  await say(alice, 'and to you');
  await settled();
  expect(profilesSent()).toBe(before);
  conversation = group;
  await alice.client.groups.add(group.id, [dave.user]);
  await say(alice, 'hello, Dave');
  await shows(dave, alice, 'Alice');
  expect(await dave.client.people.openPicture(alice.user)).toEqual(png(3_000));
  expect(await bob.client.people.profile(carol.user)).toBeUndefined();
  expect(platform.files.stored.size).toBe(1);
});

test('of who is blocked nothing is shown, they are told nothing, and neither is lost', async () => {
  await say(alice, 'hello');
  await say(bob, 'hello');
  await bob.client.people.setProfile({ name: 'Bob' });
  await shows(alice, bob, 'Bob');
  await alice.client.people.block(bob.user);
  expect(await alice.client.people.profile(bob.user)).toBeUndefined();
  const heard: UserId[] = [];
  alice.client.on('profile', ({ user }) => user === bob.user && heard.push(user));
  await bob.client.people.setProfile({ name: 'Rude', picture: png(300) });
  await alice.client.people.setProfile({ name: 'Alice' });
  for (const person of [alice, bob]) await spreadOf(person);
  await say(bob, 'this one passes here, which the real platform would not let it');
  await until(async () => (await alice.client.history(conversation.id)).length === 3);
  expect(heard).toEqual([]);
  expect(await alice.client.people.openPicture(bob.user)).toBeUndefined();
  expect(await bob.client.people.profile(alice.user)).toBeUndefined();
  await alice.client.people.unblock(bob.user);
  expect(await alice.client.people.profile(bob.user)).toMatchObject({ name: 'Rude' });
  await say(alice, 'hello again');
  await shows(bob, alice, 'Alice');
});

test('a block that was made on another device counts here from the next start on', async () => {
  await say(bob, 'hello');
  await bob.client.people.setProfile({ name: 'Bob' });
  await shows(alice, bob, 'Bob');
  blocksOf(platform, alice.user).add(bob.user);
  alice = await comeBack(alice);
  await until(async () => (await alice.client.people.profile(bob.user)) === undefined);
  blocksOf(platform, alice.user).clear();
  expect(await alice.client.people.blocks()).toEqual([]);
  expect(await alice.client.people.profile(bob.user)).toMatchObject({ name: 'Bob' });
});

test.each([
  ['empty', { type: 'image/png', bytes: new Uint8Array() }, 'file.size'],
  ['too large', () => png(PICTURE_BYTES_MAX + 1), 'file.size'],
  ['of 100 MiB', () => png(100 * 1024 * 1024), 'file.size'],
  ['a drawing with scripts', { ...ofText('<svg/>'), type: 'image/svg+xml' }, 'content.invalid'],
  ['of no type', { ...png(9), type: '' }, 'content.invalid'],
  ['no picture at all', { ...ofText('%PDF-1.7'), type: 'image/png' }, 'content.invalid'],
  ['of another type than said', { ...png(99), type: 'image/webp' }, 'content.invalid'],
])('a picture that is %s is refused, and nothing has changed', async (_, given, code) => {
  await alice.client.people.setProfile({ name: 'Alice' });
  const before = await alice.client.people.profile(alice.user);
  const picture = typeof given === 'function' ? given() : given;
  const change = alice.client.people.setProfile({ name: 'Other', picture });
  await expect(change).rejects.toMatchObject({ code });
  expect(await alice.client.people.profile(alice.user)).toEqual(before);
});

test.each(['', ' ', '\u200b', ' Alice', 'Al\nice', 'Al\u202eice', 'Al\ud800', 'a'.repeat(65)])(
  'the name %j is refused',
  async (name) => {
    const change = alice.client.people.setProfile({ name });
    await expect(change).rejects.toMatchObject({ code: 'content.invalid' });
    expect(await alice.client.people.profile(alice.user)).toBeUndefined();
  },
);

test('a clock that ran ahead for a while keeps nothing of later from counting', async () => {
  await say(alice, 'hello');
  const right = now;
  now = Date.parse('2090-01-01T00:00:00Z');
  await alice.client.people.setProfile({ name: 'From the future' });
  await shows(bob, alice, 'From the future');
  expect((await bob.client.people.profile(alice.user))?.time).toBe(Date.parse(NOW));
  now = right;
  // The platform of this test stores everything at one moment, unless it is told.
  const sentAt = '2026-01-01T00:00:00.001Z';
  platform.show = (slot) => [slot.type === 'message' ? { ...slot, sentAt } : slot];
  await alice.client.people.setProfile({ name: 'Of today' });
  await shows(bob, alice, 'Of today');
});

const GOOD = {
  id: randomUUID(),
  key: keyOf(1),
  name: 'h',
  mediaType: 'image/png',
  size: 9,
  digest: keyOf(2),
};

test.each([
  ['a picture of 100 MiB', { picture: { ...GOOD, size: 100 * 1024 * 1024 } }],
  ['a picture that is a drawing', { picture: { ...GOOD, mediaType: 'image/svg+xml' } }],
  ['a picture without a digest', { picture: { ...GOOD, digest: undefined } }],
  ['a name of two lines', { name: 'Al\nice' }],
  ['a name without end', { name: 'a'.repeat(65) }],
  ['no time', { name: 'Alice', time: null }],
  ['what nobody knows', { name: 'Alice', colour: 'red' }],
])('of a profile with %s nothing is believed, and nothing is shown for it', async (_, said) => {
  await say(alice, 'hello');
  await alice.client.close();
  await writeRaw(alice, { v: 1, type: 'profile', time: now, ...said });
  alice = await comeBack(alice);
  await say(alice, 'hello again');
  await until(async () => (await bob.client.history(conversation.id)).length === 2);
  expect(profilesSent()).toBe(1);
  expect(await bob.client.people.profile(alice.user)).toBeUndefined();
  const types = (await bob.client.history(conversation.id)).map(({ type }) => type);
  expect(types).toEqual(['message', 'message']);
});

test('a picture that no more conversations may share is uploaded again', async () => {
  const carol = await enter('carol');
  const other = await alice.client.openDirect(carol.user);
  await alice.client.people.setProfile({ picture: png(2_000) });
  await say(alice, 'hello');
  await until(async () => (await bob.client.people.profile(alice.user))?.hasPicture === true);
  let isFull = true;
  platform.failCall = (operation) => {
    if (operation !== 'grantFile' || !isFull) return undefined;
    isFull = false;
    return new ApiError('file.grant-limit');
  };
  await alice.client.sendText(other.id, 'hello');
  await until(async () => (await carol.client.people.profile(alice.user))?.hasPicture === true);
  expect(platform.files.stored.size).toBe(2);
  for (const { client } of [bob, carol]) {
    expect(await client.people.openPicture(alice.user)).toEqual(png(2_000));
  }
});

test('a picture that the platform has replaced, or has no more, is not shown', async () => {
  await alice.client.people.setProfile({ picture: png(2_000) });
  await say(alice, 'hello');
  await until(async () => (await bob.client.people.profile(alice.user))?.hasPicture === true);
  platform.files.show = (bytes) => bytes.map((byte, index) => (index === 99 ? byte ^ 1 : byte));
  const opened = bob.client.people.openPicture(alice.user);
  await expect(opened).rejects.toMatchObject({ code: 'file.damaged' });
  platform.files.stored.clear();
  expect(await bob.client.people.openPicture(alice.user)).toBeUndefined();
  expect(await alice.client.people.openPicture(alice.user)).toEqual(png(2_000));
});

test('messages do not wait for a picture that cannot be shared, which is shared later', async () => {
  await alice.client.people.setProfile({ name: 'Alice', picture: png(2_000) });
  platform.failCall = (operation) =>
    operation === 'uploadFile' ? new ApiError('file.quota') : undefined;
  const trouble = new Promise((resolve) => alice.client.on('trouble', resolve));
  await say(alice, 'hello');
  expect(await trouble).toMatchObject({ error: { code: 'file.quota' } });
  await until(async () => (await bob.client.history(conversation.id)).length === 1);
  platform.failCall = () => undefined;
  platform.cutAll();
  await shows(bob, alice, 'Alice');
});

test('wherever the process dies, a profile that was set gets there', async () => {
  await say(alice, 'hello');
  for (let left = 0, isDead = true; isDead; left++) {
    const [name, picture] = [`Alice ${left}`, png(1_000 + left)];
    await alice.client.close();
    const mortal = openMortalStore(alice.store);
    const doomed = openClient(mortal.store);
    await doomed.connect();
    mortal.dieAfter(left);
    const isSet = await doomed.people.setProfile({ name, picture }).then(
      () => true,
      () => false,
    );
    await until(async () => mortal.isDead() || (await isShown(bob, alice, name)));
    isDead = mortal.isDead();
    await doomed.close();
    alice = await comeBack(alice);
    if (!isSet) continue;
    await shows(bob, alice, name);
    expect(await bob.client.people.openPicture(alice.user)).toEqual(picture);
    await spreadOf(alice);
  }
}, 120_000);

test('a profile that was set without a connection is told at the next one', async () => {
  await say(alice, 'hello');
  await alice.client.close();
  const offline = openClient(alice.store);
  await offline.people.setProfile({ name: 'Alice', picture: png(700) });
  await offline.close();
  alice = await comeBack(alice);
  await shows(bob, alice, 'Alice');
  expect(await bob.client.people.openPicture(alice.user)).toEqual(png(700));
});

async function enter(username: string): Promise<Person> {
  const store = openLastingStore();
  const client = openClient(store);
  const { user } = await client.register({ username, password: 'Secret!23' });
  await client.connect();
  return { client, user, store };
}

function openClient(store: Store): Client {
  const client = createClient({
    url: platform.url,
    store,
    provider: nodeProvider,
    clock: () => ++now,
  });
  clients.push(client);
  return client;
}

/** The same person with a client that knows nothing but the store. */
async function comeBack({ client, user, store }: Person): Promise<Person> {
  await client.close();
  const back = openClient(store);
  await back.connect();
  return { client: back, user, store };
}

async function say({ client }: Person, text: string): Promise<void> {
  const { id } = await client.sendText(conversation.id, text);
  await client.whenStored(id);
}

/** Has a device say what no release would. */
async function writeRaw({ store }: Person, said: object): Promise<void> {
  const local = await loadLocalParty(store, nodeProvider);
  const deps = { provider: nodeProvider, local, clock: () => now };
  const content = new TextEncoder().encode(JSON.stringify(said));
  await store.transaction(async (transaction) => {
    const peer = await getPeer(transaction, bob.user);
    const to = peer?.devices.map((device) => ({ user: bob.user, device })) ?? [];
    const control = { type: 'profile', time: 0 } as const;
    const place = { conversation: conversation.id, control, to };
    const [key = expect.fail('nobody to tell')] = await enqueueControl(deps, transaction, place);
    const entry = (await getRecord(transaction, key, OutboxEntry)) ?? expect.fail();
    await putRecord(transaction, key, [OutboxEntry, { ...entry, content }]);
  });
}

/** A key as JSON has it. */
function keyOf(value: number): string {
  return Buffer.alloc(32, value).toString('base64url');
}

function shows(to: Person, of: Person, name: string): Promise<void> {
  return until(() => isShown(to, of, name));
}

async function isShown(to: Person, of: Person, name: string): Promise<boolean> {
  return (await to.client.people.profile(of.user))?.name === name;
}

/** Waits until somebody's newest profile was told around. */
function spreadOf({ client, user, store }: Person): Promise<void> {
  return until(async () => {
    const { time } = await store.transaction(getSpread);
    return time === (await client.people.profile(user))?.time;
  });
}

/** As long as it takes to look through a conversation in which something was said. */
function settled(): Promise<void> {
  const until = performance.now() + 2 * PROFILE_LOOK_MS;
  return vi.waitFor(() => expect(performance.now()).toBeGreaterThan(until), WAIT_MS);
}

/** How many control messages there were: in these tests between two they carry nothing else. */
function profilesSent(): number {
  const messages = platform.rooms.flatMap((room) => room.messages);
  return messages.filter(({ message }) => message.kind === 'targeted').length;
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  await vi.waitFor(async () => expect(await condition()).toBe(true), WAIT_MS);
}

function png(size: number): Picture {
  const bytes = new Uint8Array(size).fill(size);
  bytes.set(new TextEncoder().encode('?PNG\r\n'));
  bytes[0] = 0x89;
  return { type: 'image/png', bytes };
}

function ofText(text: string): Pick<Picture, 'bytes'> {
  return { bytes: new TextEncoder().encode(text) };
}

/** A store that is still there when its client has closed it. */
function openLastingStore(): Store {
  const store = openMemoryStore();
  return { transaction: (work) => store.transaction(work), close: async () => {} };
}

/** The store of a process that dies, behind as many transactions as it is told. */
function openMortalStore(store: Store) {
  let left = Number.POSITIVE_INFINITY;
  return {
    store: {
      transaction: (work) =>
        left-- > 0 ? store.transaction(work) : Promise.reject(new Error('killed')),
      close: async () => {},
    } satisfies Store,
    dieAfter(transactions: number) {
      left = transactions;
    },
    isDead: () => left < 0,
  };
}
