/** The platform against a group: it cannot add anybody, take an entry back, or show two groups to two people unseen. */
import type { ConversationId, MembershipSlot, UserId } from '@sotto/api';
import {
  type Identity,
  type MembershipAction,
  makeIdentity,
  signingKeyPairOf,
  signingSeed,
  signMembershipEntry,
} from '@sotto/crypto';
import { nodeProvider } from '@sotto/crypto/node';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { IdentityRecord } from '../account/records.ts';
import { type Client, createClient } from '../client.ts';
import type { ClientEvents } from '../events.ts';
import type { GroupRecord } from '../messages/conversation-record.ts';
import { type Platform, startPlatform } from '../platform/platform.fixture.ts';
import { append } from '../platform/platform-groups.fixture.ts';
import type { Room, RoomGroup } from '../platform/platform-rooms.fixture.ts';
import { keys } from '../store/key-space.ts';
import type { Store } from '../store/store.ts';
import { openMemoryStore } from '../store/store-memory.ts';
import { getRecord } from '../store/stored-record.ts';

const PASSWORD = 'Secret!23';

let platform: Platform;
let clients: Client[];
let stores: Map<string, Store>;
let broken: Map<string, string[]>;

beforeEach(async () => {
  platform = await startPlatform();
  clients = [];
  stores = new Map();
  broken = new Map();
});
afterEach(async () => {
  for (const client of clients) await client.close();
  await platform.close();
});

test('an entry that the platform signs in the name of the admin adds nobody', async () => {
  const { bob, id } = await group();
  write(sign('alice', makeIdentity(nodeProvider), { type: 'add', users: [user('mallory')] }));
  await until(() => causesOf('bob').length > 0);
  expect(causesOf('bob')).toEqual(['identity.changed']);
  expect((await groupOf(bob, id))?.members).not.toContain(user('mallory'));
});

test('an entry that a member signs who is no admin adds nobody', async () => {
  const { alice, bob, id } = await group();
  const identity = await identityOf('bob');
  const before = room().group!.membership;
  // In a group of its own making, Bob is an admin.
  const members = before.members.map((member) => ({ ...member, role: 'admin' as const }));
  const action = { type: 'add', users: [user('mallory')] } as const;
  write(sign('bob', identity, action, { ...before, members }));
  await until(() => causesOf('alice').length > 0);
  expect(causesOf('alice')).toEqual(['log.refused']);
  for (const client of [alice, bob]) {
    expect((await groupOf(client, id))?.members).not.toContain(user('mallory'));
  }
});

test('nothing is sent in a broken group until a person has decided, and then it is', async () => {
  const { alice, id } = await group();
  const { members, group: state } = room();
  const kept = { membership: state!.membership, members: [...members] };
  write(sign('alice', makeIdentity(nodeProvider), { type: 'add', users: [user('mallory')] }));
  await until(() => causesOf('alice').length > 0);
  const trouble = next(alice, 'trouble');
  const { id: message } = await alice.sendText(id, 'for whom?');
  expect(await trouble).toMatchObject({ error: { code: 'group.broken' } });
  expect(await alice.unsent(id)).toMatchObject([{ id: message }]);
  await expect(alice.groups.add(id, [user('mallory')])).rejects.toMatchObject({
    code: 'group.broken',
  });
  expect(room().messages).toEqual([]);
  // The operator has found the fault, and says so.
  state!.log.pop();
  state!.membership = kept.membership;
  members.splice(0, members.length, ...kept.members);
  await alice.groups.acceptLog(id);
  expect((await groupOf(alice, id))?.broken).toBeUndefined();
  await alice.whenStored(message);
});

test('a log that ends before what was seen is refused', async () => {
  const { bob, id } = await group();
  await clients[0]!.groups.add(id, [user('mallory')]);
  await until(async () => (await groupOf(bob, id))?.head.version === 2);
  const state = room().group!;
  state.log.pop();
  const { members } = state.membership;
  const mallory = user('mallory');
  state.membership = { ...state.membership, members: members.filter((it) => it.user !== mallory) };
  state.membership = { ...state.membership, head: { ...state.membership.head, version: 1 } };
  const again = await reopened('bob', bob);
  await until(() => causesOf('bob').length > 0);
  expect(causesOf('bob')).toEqual(['head.rolled-back']);
  expect((await groupOf(again, id))?.members).toHaveLength(3);
});

test('two members who are shown different entries of one number find out', async () => {
  const { bob, id } = await group();
  const before = room().group!.membership;
  await clients[0]!.groups.add(id, [user('mallory')]);
  await until(async () => (await groupOf(bob, id))?.head.version === 2);
  const identity = await identityOf('alice');
  const other = sign('alice', identity, { type: 'remove', users: [user('bob')] }, before);
  deliver('bob', other.entry);
  await until(() => causesOf('bob').length > 0);
  expect(causesOf('bob')).toEqual(['head.forked']);
});

test('an entry that was held back is read from the log when the next one comes', async () => {
  const { alice, bob, id } = await group();
  const { show } = platform;
  platform.show = (slot, to) => {
    const isHidden = slot.type === 'membership' && slot.seq === 2 && to.username === 'bob';
    return isHidden ? [{ type: 'none', from: 2, to: 2 }] : show(slot, to);
  };
  await alice.groups.add(id, [user('mallory')]);
  await alice.groups.setRole(id, user('mallory'), 'admin');
  await until(async () => (await groupOf(bob, id))?.head.version === 3);
  expect((await groupOf(bob, id))?.members).toHaveLength(3);
  expect(causesOf('bob')).toEqual([]);
  const items = await bob.history(id);
  expect(items.map((item) => item.type === 'membership' && item.version)).toEqual([1, 2, 3]);
});

test('bytes that are no entry break the group and nothing else', async () => {
  const { alice, bob, id } = await group();
  deliver('bob', Uint8Array.of(0));
  await until(() => causesOf('bob').length > 0);
  expect(causesOf('bob')).toEqual(['log.gap']);
  const direct = await alice.openDirect(user('bob'));
  const heard = next(bob, 'message');
  await alice.sendText(direct.id, 'still here');
  expect(await heard).toMatchObject({ content: { text: 'still here' } });
  expect((await groupOf(bob, id))?.members).toHaveLength(2);
});

test('a group whose log is refused from its first entry on is not there', async () => {
  const { alice, bob } = await group();
  const { id: direct } = await alice.openDirect(user('bob'));
  const log = [{ version: 1, seq: 1, entry: Uint8Array.of(1, 2, 3) }];
  const conversation = '11111111-1111-4111-8111-111111111111' as ConversationId;
  const spans = new Map([[user('bob'), { joined: 1 }]]);
  const state: RoomGroup = { ...room().group!, log, spans };
  const made: Room = {
    ...{ id: conversation, members: [user('bob')], kind: 'group', messages: [] },
    group: state,
  };
  platform.rooms.push(made);
  platform.deliver(made, 1);
  await until(() => causesOf('bob').length > 0);
  expect(await groupOf(bob, conversation)).toBeUndefined();
  const heard = next(bob, 'message');
  await alice.sendText(direct, 'still here');
  await heard;
});

test('what an admin with a new identity signs counts once that was accepted, and not before', async () => {
  const { bob, id } = await group();
  const renewed = makeIdentity(nodeProvider);
  const changed = next(bob, 'identity-changed');
  platform.devices.find(({ username }) => username === 'alice')!.identityKey = renewed.publicKey;
  platform.log.append(user('alice'), renewed.publicKey);
  write(sign('alice', renewed, { type: 'add', users: [user('mallory')] }));
  expect(await changed).toEqual({ user: user('alice') });
  await until(async () => (await groupOf(bob, id))?.broken === 'identity.changed');
  expect((await groupOf(bob, id))?.members).toHaveLength(2);
  await bob.acceptIdentity(user('alice'));
  await until(async () => (await groupOf(bob, id))?.members.length === 3);
  expect((await groupOf(bob, id))?.broken).toBeUndefined();
  // From now on the old key signs nothing any more.
  write(sign('alice', await identityOf('alice'), { type: 'remove', users: [user('mallory')] }));
  await until(async () => (await groupOf(bob, id))?.broken === 'identity.changed');
  expect((await groupOf(bob, id))?.members).toHaveLength(3);
});

test('who comes later believes what admins signed under identities that they had before', async () => {
  const { id } = await group();
  const renewed = makeIdentity(nodeProvider);
  platform.devices.find(({ username }) => username === 'alice')!.identityKey = renewed.publicKey;
  platform.log.append(user('alice'), renewed.publicKey);
  const mallory = clients[2]!;
  write(sign('alice', renewed, { type: 'add', users: [user('mallory')] }));
  await until(async () => (await groupOf(mallory, id))?.members.length === 3);
  expect(causesOf('mallory')).toEqual([]);
});

test('and does not believe what the key log has never heard of', async () => {
  const { id } = await group();
  const invented = makeIdentity(nodeProvider);
  platform.devices.find(({ username }) => username === 'alice')!.identityKey = invented.publicKey;
  write(sign('alice', invented, { type: 'add', users: [user('mallory')] }));
  await until(() => causesOf('mallory').length > 0);
  expect(causesOf('mallory')).toEqual(['identity.changed']);
  expect(await groupOf(clients[2]!, id)).toBeUndefined();
});

test('nor a key that the account had once, when the platform says that it has it still', async () => {
  const { id } = await group();
  platform.log.append(user('alice'), makeIdentity(nodeProvider).publicKey);
  write(sign('alice', await identityOf('alice'), { type: 'add', users: [user('mallory')] }));
  await until(() => causesOf('mallory').length > 0);
  expect(causesOf('mallory')).toEqual(['identity.changed']);
  expect(await groupOf(clients[2]!, id)).toBeUndefined();
});

test('what came while a log waited for an identity to be accepted is read afterwards', async () => {
  const { bob, id } = await group();
  const renewed = makeIdentity(nodeProvider);
  platform.devices.find(({ username }) => username === 'alice')!.identityKey = renewed.publicKey;
  platform.log.append(user('alice'), renewed.publicKey);
  write(sign('alice', renewed, { type: 'add', users: [user('mallory')] }));
  await until(async () => (await groupOf(bob, id))?.broken === 'identity.changed');
  const mallory = clients[2]!;
  await until(async () => (await groupOf(mallory, id))?.members.length === 3);
  await mallory.sendText(id, 'meanwhile');
  await until(async () => (await bob.history(id)).some(({ type }) => type === 'unreadable'));
  await bob.acceptIdentity(user('alice'));
  await until(async () => (await textsOf(bob, id)).includes('meanwhile'));
});

test('a log that has lost entries and was accepted leaves nobody unread who had named them', async () => {
  const { alice, bob, id } = await group();
  const state = room().group!;
  const { membership } = state;
  await alice.groups.add(id, [user('mallory')]);
  await until(async () => (await groupOf(bob, id))?.head.version === 2);
  await alice.sendText(id, 'by the lost entry');
  await until(async () => (await textsOf(bob, id)).length === 1);
  // The platform came back from a backup without the entry, and Alice has signed another one in its place.
  const action = { type: 'add', users: [user('mallory')] } as const;
  const other = sign('alice', await identityOf('alice'), action, membership);
  state.log[1] = { ...state.log[1]!, entry: other.entry };
  state.membership = other.membership;
  for (const client of [alice, bob]) await client.groups.acceptLog(id);
  const heard = next(bob, 'message');
  await alice.sendText(id, 'by the other one');
  expect(await heard).toMatchObject({ content: { text: 'by the other one' }, order: 'next' });
  expect(await heard).not.toHaveProperty('isRepaired');
});

test('a group whose log is found sound later is read from where it began to be passed over', async () => {
  const { alice, bob } = await group();
  await bob.close();
  const { id } = await alice.groups.create({ members: [user('bob')] });
  const [first] = platform.rooms.find((known) => known.id === id)!.group!.log;
  const { entry } = first!;
  await alice.whenStored((await alice.sendText(id, 'early')).id);
  first!.entry = Uint8Array.of(1, 2, 3);
  const refusing = await reopened('bob', bob);
  await until(() => causesOf('bob').length > 0);
  await alice.whenStored((await alice.sendText(id, 'later')).id);
  await until(async () => (await stored('bob', keys.passedOver(id))) !== undefined);
  first!.entry = entry;
  const again = await reopened('bob', refusing);
  await until(async () => (await textsOf(again, id)).length === 2);
});

/** Alice's group with Bob; Mallory stands by. */
async function group() {
  const alice = await enter('alice');
  const bob = await enter('bob');
  await enter('mallory');
  const { id } = await alice.groups.create({ members: [user('bob')] });
  await until(async () => (await groupOf(bob, id)) !== undefined);
  await until(async () => (await bob.history(id)).length === 1);
  return { alice, bob, id };
}

function room(): Room {
  return platform.rooms.find(({ kind }) => kind === 'group')!;
}

function sign(
  username: string,
  identity: Identity,
  action: MembershipAction,
  membership = room().group!.membership,
) {
  const input = { author: { user: user(username), identity }, membership };
  const step = signMembershipEntry(nodeProvider, input, { action, time: 0 });
  return { entry: step.encoded, membership: step.membership };
}

/** Puts an entry into the group's log without asking anybody. */
function write(step: ReturnType<typeof sign>): void {
  append(platform, room(), step);
}

/** Shows one device an entry that the log does not have. */
function deliver(username: string, entry: Uint8Array): void {
  const { id: conversation, group: state, messages } = room();
  const seq = state!.log.length + messages.length + 1;
  const sentAt = new Date(0).toISOString();
  const slot = { type: 'membership', seq, sentAt, entry: Buffer.from(entry).toString('base64url') };
  const frame = { type: 'slots', conversation, slots: [slot satisfies Texted<MembershipSlot>] };
  const { socket } = platform.devices.find((known) => known.username === username)!;
  socket!.send(JSON.stringify(frame));
}

type Texted<T> = { [K in keyof T]: T[K] extends Uint8Array ? string : T[K] | string };

async function identityOf(username: string): Promise<Identity> {
  const { seed } = (await stores
    .get(username)!
    .transaction((transaction) => getRecord(transaction, keys.identity, IdentityRecord)))!;
  return signingKeyPairOf(nodeProvider, signingSeed<'identity'>(seed));
}

function user(name: string): UserId {
  return platform.devices.find(({ username }) => username === name)!.user;
}

function causesOf(username: string): string[] {
  return broken.get(username) ?? [];
}

async function enter(username: string): Promise<Client> {
  // It can be read when its client has gone.
  const store = { ...openMemoryStore(), close: async () => {} };
  stores.set(username, store);
  const client = open(username, store);
  await client.register({ username, password: PASSWORD });
  await client.connect();
  return client;
}

function open(username: string, store: Store): Client {
  const client = createClient({ url: platform.url, store, provider: nodeProvider });
  clients.push(client);
  const causes: string[] = [];
  broken.set(username, causes);
  client.on('group-broken', ({ cause }) => causes.push(cause));
  return client;
}

/** The same store under another client, as after a restart. */
async function reopened(username: string, client: Client): Promise<Client> {
  const entries = await stores
    .get(username)!
    .transaction((transaction) => transaction.list({ prefix: '', limit: 10_000 }));
  await client.close();
  const store = openMemoryStore();
  await store.transaction(async (transaction) => {
    for (const { key, value } of entries) await transaction.put(key, value);
  });
  stores.set(username, store);
  const again = open(username, store);
  await again.connect();
  return again;
}

function next<E extends 'trouble' | 'message' | 'identity-changed'>(client: Client, name: E) {
  return new Promise<ClientEvents[E]>((resolve) => {
    const off = client.on(name, (event) => {
      off();
      resolve(event);
    });
  });
}

async function groupOf(client: Client, id: ConversationId): Promise<GroupRecord | undefined> {
  const found = (await client.conversations()).find((known) => known.id === id);
  return found?.kind === 'group' ? found : undefined;
}

async function textsOf(client: Client, id: ConversationId): Promise<string[]> {
  return (await client.history(id)).flatMap((item) =>
    item.type === 'message' && item.content.type === 'text' ? [item.content.text] : [],
  );
}

function stored(username: string, key: string): Promise<Uint8Array | undefined> {
  return stores.get(username)!.transaction((transaction) => transaction.get(key));
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const options = { timeout: 10_000, interval: 5 };
  await vi.waitFor(async () => expect(await condition()).toBe(true), options);
}
