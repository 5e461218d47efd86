/** Groups as people change them: who is in, who may do what, what they are called, and what everybody sees of it. */
import { ApiError, type ConversationId, type UserId } from '@sotto/api';
import { nodeProvider } from '@sotto/crypto/node';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type Client, createClient } from '../client.ts';
import type { GroupRecord } from '../messages/conversation-record.ts';
import type { MembershipChange } from '../messages/history-item.ts';
import { type Platform, startPlatform } from '../platform/platform.fixture.ts';
import { depart } from '../platform/platform-groups.fixture.ts';
import { keys } from '../store/key-space.ts';
import type { Store } from '../store/store.ts';
import { openMemoryStore } from '../store/store-memory.ts';

const PASSWORD = 'Secret!23';

let platform: Platform;
let clients: Client[];

beforeEach(async () => {
  platform = await startPlatform();
  clients = [];
});
afterEach(async () => {
  for (const client of clients) await client.close();
  await platform.close();
});

test('a group that one founds is there for all, with its title, and the founder is admin', async () => {
  const { alice, bob, cat } = await three();
  const { id } = await alice.groups.create({ members: [user('bob'), user('cat')], title: 'Choir' });
  const roles = [
    { user: user('alice'), role: 'admin' },
    ...[user('bob'), user('cat')].toSorted().map((each) => ({ user: each, role: 'member' })),
  ];
  for (const client of [alice, bob, cat]) {
    await until(async () => (await groupOf(client, id))?.title === 'Choir');
    expect(await client.groups.members(id)).toEqual(roles);
  }
  expect(JSON.stringify(platform.rooms)).not.toContain('Choir');
  expect(await changesOf(bob, id)).toEqual([
    { type: 'created', users: [user('bob'), user('cat')].toSorted() },
    { type: 'renamed' },
  ]);
});

test('who is added sees the group from there on, and its title', async () => {
  const { alice, bob, cat } = await three();
  const { id } = await alice.groups.create({ members: [user('bob')], title: 'Choir' });
  await alice.groups.add(id, [user('cat'), user('bob')]);
  await until(async () => (await groupOf(cat, id))?.title === 'Choir');
  expect(await changesOf(cat, id)).toEqual([{ type: 'added', users: [user('cat')] }]);
  await until(async () => (await groupOf(bob, id))?.members.length === 3);
  // What is so already changes nothing.
  await alice.groups.add(id, [user('cat')]);
  await alice.groups.setRole(id, user('cat'), 'member');
  expect((await groupOf(alice, id))?.head.version).toBe(3);
});

test('who is removed keeps what was there, sees nothing more, and is refused', async () => {
  const { alice, bob, cat } = await three();
  const { id } = await alice.groups.create({ members: [user('bob'), user('cat')] });
  await until(async () => (await groupOf(bob, id)) !== undefined);
  await alice.groups.remove(id, [user('bob')]);
  await until(async () => (await groupOf(bob, id))?.members.length === 2);
  await alice.groups.rename(id, 'Without Bob');
  await until(async () => (await groupOf(cat, id))?.title === 'Without Bob');
  expect((await changesOf(bob, id)).at(-1)).toEqual({ type: 'removed', users: [user('bob')] });
  expect((await groupOf(bob, id))?.title).toBeUndefined();
  await expect(bob.sendText(id, 'hello?')).rejects.toMatchObject({ code: 'conversation.left' });
  await expect(bob.groups.rename(id, 'Mine')).rejects.toMatchObject({ code: 'conversation.left' });
});

test('after somebody has gone the next title is under another key, else under the same', async () => {
  const { alice, bob, cat } = await three();
  const members = [user('bob'), user('cat')];
  const { id, titleKey: first } = await alice.groups.create({ members, title: 'One' });
  await until(async () => (await groupOf(bob, id))?.title === 'One');
  await alice.groups.rename(id, 'Two');
  await until(async () => (await groupOf(cat, id))?.title === 'Two');
  expect((await groupOf(alice, id))?.titleKey).toEqual(first);
  await bob.groups.leave(id);
  await until(async () => (await groupOf(alice, id))?.members.length === 2);
  await alice.groups.rename(id, 'Three');
  await until(async () => (await groupOf(cat, id))?.title === 'Three');
  const later = (await groupOf(cat, id))?.titleKey;
  expect(later).toEqual((await groupOf(alice, id))?.titleKey);
  expect(later).not.toEqual(first);
  expect((await groupOf(bob, id))?.titleKey).toEqual(first);
});

test('members may leave and nothing else, admins may do all but be none', async () => {
  const { alice, bob, cat } = await three();
  const { id } = await alice.groups.create({ members: [user('bob'), user('cat')] });
  await until(async () => (await groupOf(bob, id)) !== undefined);
  const refused = { code: 'group.refused' };
  await expect(bob.groups.add(id, [user('dan')])).rejects.toMatchObject(refused);
  await expect(bob.groups.remove(id, [user('cat')])).rejects.toMatchObject(refused);
  await expect(bob.groups.rename(id, 'Mine')).rejects.toMatchObject(refused);
  await expect(alice.groups.setRole(id, user('alice'), 'member')).rejects.toMatchObject(refused);
  await alice.groups.setRole(id, user('bob'), 'admin');
  await until(async () => (await groupOf(bob, id))?.admins.length === 2);
  await bob.groups.remove(id, [user('alice')]);
  await until(async () => (await groupOf(cat, id))?.members.length === 2);
  await bob.groups.leave(id);
  await bob.groups.leave(id);
  await until(async () => (await groupOf(cat, id))?.admins.includes(user('cat')) === true);
});

test('changes made at once by several admins all take place, in one order', async () => {
  const { alice, bob, cat } = await three();
  const { id } = await alice.groups.create({ members: [user('bob'), user('cat')] });
  for (const name of ['bob', 'cat']) await alice.groups.setRole(id, user(name), 'admin');
  const all = [alice, bob, cat];
  for (const client of all)
    await until(async () => (await groupOf(client, id))?.admins.length === 3);
  await Promise.all([
    alice.groups.rename(id, 'by Alice'),
    bob.groups.add(id, [user('dan')]),
    cat.groups.rename(id, 'by Cat'),
    bob.groups.add(id, [user('eve')]),
  ]);
  const titles: (string | undefined)[] = [];
  for (const client of all) {
    await until(async () => (await groupOf(client, id))?.head.version === 7);
    await until(async () => (await groupOf(client, id))?.title !== undefined);
    titles.push((await groupOf(client, id))?.title);
  }
  expect(new Set(titles).size).toBe(1);
  expect((await groupOf(alice, id))?.members).toHaveLength(5);
});

test('an answer that is lost founds no second group, and repeats no change', async () => {
  const { alice, bob } = await three();
  let losses = 2;
  platform.failCall = (operation) => {
    const isChange = operation === 'createConversation' || operation === 'changeMembership';
    return isChange && losses-- > 0 ? 'unanswered' : undefined;
  };
  const { id } = await alice.groups.create({ members: [user('bob')] });
  expect(platform.rooms).toHaveLength(1);
  losses = 1;
  await expect(alice.groups.add(id, [user('cat')])).rejects.toMatchObject({
    code: 'connection.failed',
  });
  await alice.groups.add(id, [user('cat')]);
  await until(async () => (await groupOf(bob, id))?.head.version === 2);
  expect(platform.rooms[0]!.group!.log).toHaveLength(2);
});

test('what happened while one was away is caught up with, in its places', async () => {
  const { alice, bob, cat } = await three();
  const { id } = await alice.groups.create({ members: [user('bob')], title: 'Before' });
  await until(async () => (await groupOf(bob, id))?.title === 'Before');
  await hiddenFrom('bob', async () => {
    await alice.groups.add(id, [user('cat')]);
    await alice.groups.rename(id, 'After');
    await until(async () => (await groupOf(cat, id))?.title === 'After');
  });
  await until(async () => (await groupOf(bob, id))?.title === 'After');
  expect((await changesOf(bob, id)).map(({ type }) => type)).toEqual([
    'created',
    'renamed',
    'added',
    'renamed',
  ]);
});

test('an account that is deleted is gone from its groups, and says so to nobody by a signature', async () => {
  const { alice, bob } = await three();
  const { id } = await alice.groups.create({ members: [user('bob'), user('cat')] });
  await until(async () => (await groupOf(bob, id)) !== undefined);
  depart(platform, platform.rooms[0]!, user('alice'));
  await until(async () => (await groupOf(bob, id))?.members.length === 2);
  expect((await groupOf(bob, id))?.admins).toHaveLength(1);
  expect((await changesOf(bob, id)).at(-1)).toEqual({ type: 'departed', user: user('alice') });
});

test('a device that comes to an account knows its groups and whom it talks to', async () => {
  const { alice, store } = await three();
  const { id } = await alice.groups.create({ members: [user('bob')], title: 'Choir' });
  const direct = await alice.openDirect(user('bob'));
  const second = await linkedTo('alice', store);
  await until(async () => (await second.conversations()).length === 2);
  expect((await groupOf(second, id))?.members).toHaveLength(2);
  expect((await second.conversations()).map((each) => each.id)).toContain(direct.id);
  expect((await groupOf(second, id))?.quietUpTo).toBeGreaterThan(0);
});

test('who has come back into a group goes on with it', async () => {
  const { alice, bob } = await three();
  const { id } = await alice.groups.create({ members: [user('bob')] });
  await until(async () => (await groupOf(bob, id)) !== undefined);
  await alice.groups.remove(id, [user('bob')]);
  await until(async () => (await groupOf(bob, id))?.members.length === 1);
  await alice.groups.add(id, [user('cat')]);
  await alice.groups.add(id, [user('bob')]);
  await until(async () => (await groupOf(bob, id))?.members.length === 3);
  expect((await groupOf(bob, id))?.head.version).toBe(4);
  expect((await changesOf(bob, id)).at(-1)).toEqual({ type: 'added', users: [user('bob')] });
});

test('what is no group is not taken for one, and no user for a member', async () => {
  const { alice } = await three();
  const { id: direct } = await alice.openDirect(user('bob'));
  const unknown = { code: 'conversation.unknown' };
  await expect(alice.groups.rename(direct, 'us')).rejects.toMatchObject(unknown);
  await expect(alice.groups.members(direct)).rejects.toMatchObject(unknown);
  platform.failCall = (operation) =>
    operation === 'createConversation' ? new ApiError('conversation.member-unknown') : undefined;
  await expect(alice.groups.create({ members: [user('bob')] })).rejects.toMatchObject({
    code: 'conversation.member-unknown',
  });
  const { id } = platform.rooms[0]!;
  expect(await groupOf(alice, id)).toBeUndefined();
});

test('a title that is empty or too long is refused', async () => {
  const { alice } = await three();
  const { id } = await alice.groups.create({ members: [user('bob')] });
  for (const title of ['', 'x'.repeat(512)]) {
    await expect(alice.groups.rename(id, title)).rejects.toMatchObject({ code: 'content.invalid' });
  }
});

function user(name: string): UserId {
  return platform.devices.find(({ username }) => username === name)!.user;
}

async function enter(username: string, store: Store = openMemoryStore()): Promise<Client> {
  const client = createClient({ url: platform.url, store, provider: nodeProvider });
  clients.push(client);
  await client.register({ username, password: PASSWORD });
  await client.connect();
  return client;
}

/** Three who are connected, and two who have only registered; with the store of the first. */
async function three() {
  const store = openMemoryStore();
  const alice = await enter('alice', store);
  const [bob, cat] = [await enter('bob'), await enter('cat')];
  for (const name of ['dan', 'eve']) await enter(name);
  return { alice, bob, cat, store };
}

/** Another device of an account. Linking hands over the identity; here by hand. */
async function linkedTo(username: string, from: Store): Promise<Client> {
  const identity = await from.transaction((transaction) => transaction.get(keys.identity));
  const store = openMemoryStore();
  await store.transaction((transaction) => transaction.put(keys.identity, identity!));
  const client = createClient({ url: platform.url, store, provider: nodeProvider });
  clients.push(client);
  await client.login({ username, password: PASSWORD });
  await client.connect();
  return client;
}

/** Nothing reaches a device live meanwhile; then it connects again. */
async function hiddenFrom(name: string, work: () => Promise<void>): Promise<void> {
  const { show } = platform;
  platform.show = (slot, to) => (to.username === name ? [] : show(slot, to));
  await work();
  platform.show = show;
  platform.devices.find(({ username }) => username === name)!.socket!.terminate();
}

async function groupOf(client: Client, id: ConversationId): Promise<GroupRecord | undefined> {
  const found = (await client.conversations()).find((known) => known.id === id);
  return found?.kind === 'group' ? found : undefined;
}

async function changesOf(client: Client, id: ConversationId): Promise<MembershipChange[]> {
  const items = await client.history(id);
  return items.flatMap((item) => (item.type === 'membership' ? [item.change] : []));
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  const options = { timeout: 10_000, interval: 5 };
  await vi.waitFor(async () => expect(await condition()).toBe(true), options);
}
