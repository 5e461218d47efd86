/** Whom users find in a directory that is open, searched or off; and what they decide about conversations for themselves. */
import { randomUUID } from 'node:crypto';
import {
  acceptConversation,
  ConversationId,
  getConversation,
  getUser,
  muteConversation,
  searchUsers,
  UserId,
} from '@sotto/api';
import { type Bus, createMemoryBus } from '@sotto/runtime';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openConversation } from './messages.ts';
import { type Node, type Platform, startPlatform } from './nodes.ts';
import type { Person } from './peers.ts';
import { startTalk } from './talk.ts';

let platform: Platform;
let open: Node;
let search: Node;
let off: Node;
let caller: Person;
const bus: Bus = createMemoryBus();

beforeAll(async () => {
  platform = await startPlatform(bus);
  search = await platform.startNode(bus);
  open = await platform.startNode(bus, { directory: { mode: 'open' } });
  off = await platform.startNode(bus, { directory: { mode: 'off' } });
  caller = await platform.peers.addPerson('Caller');
  await platform.database.pool.query(
    `insert into accounts (user_id, username, folded)
     select gen_random_uuid(), 'Paged' || n, 'paged' || n from generate_series(100, 349) as n`,
  );
});

afterAll(async () => {
  await platform.close();
  await bus.close();
});

const find = (node: Node, query: { name?: string; after?: string; limit?: number }) =>
  node.call(caller, searchUsers, { query: { limit: 100, ...query } });
const namesOf = ({ users }: { users: { username: string }[] }) =>
  users.map(({ username }) => username);
const refused = (code: string, field?: string) => ({
  code,
  ...(field !== undefined && { options: { fields: [expect.stringContaining(field)] } }),
});

describe('a directory that is searched', () => {
  test('finds ten at most by three letters or more, without case', async () => {
    expect(namesOf(await find(search, { name: 'pAGed3' }))).toEqual(
      Array.from({ length: 10 }, (_, index) => `Paged${300 + index}`),
    );
    expect(namesOf(await find(search, { name: 'paged349', limit: 1 }))).toEqual(['Paged349']);
    expect(namesOf(await find(search, { name: 'pagedx' }))).toEqual([]);
  });

  test('cannot be listed, by short beginnings or by pages', async () => {
    for (const query of [{}, { name: 'pa' }]) {
      await expect(find(search, query)).rejects.toMatchObject(refused('request.invalid', 'name'));
    }
    const paging = find(search, { name: 'paged', after: 'paged109' });
    await expect(paging).rejects.toMatchObject(refused('request.invalid', 'after'));
  });
});

test('an open directory is listed by name, page by page, whole or from some letters on', async () => {
  const seen: string[] = [];
  for (let after: string | undefined; ; after = seen.at(-1)) {
    const page = namesOf(
      await find(open, { name: 'PAGED', ...(after !== undefined && { after }) }),
    );
    seen.push(...page);
    if (page.length < 100) break;
  }
  expect(seen).toEqual(Array.from({ length: 250 }, (_, index) => `Paged${100 + index}`));
  expect((await find(open, {})).users).toHaveLength(100);
});

test('a directory that is off finds nobody', async () => {
  await expect(find(off, { name: 'paged' })).rejects.toMatchObject(refused('user.directory-off'));
});

describe('one user', () => {
  const get = (node: Node, user: UserId) =>
    node.call(caller, getUser, { params: { user_id: user } });

  test('is found by who shares a conversation, in every directory', async () => {
    const friend = await platform.peers.addPerson('Friend');
    await openConversation(search, caller, friend);
    for (const node of [open, search, off]) {
      expect(await get(node, friend.user)).toMatchObject({
        user: friend.user,
        username: 'Friend',
      });
    }
  });

  test('is found by strangers in an open directory alone, and by themselves everywhere', async () => {
    const { rows } = await platform.database.pool.query<{ user_id: UserId }>(
      `select user_id from accounts where username = 'Paged100'`,
    );
    const stranger = rows[0]?.user_id ?? caller.user;
    expect(await get(open, stranger)).toMatchObject({ username: 'Paged100' });
    for (const node of [search, off]) {
      await expect(get(node, stranger)).rejects.toMatchObject(refused('user.not-found'));
      expect(await get(node, caller.user)).toMatchObject({ username: 'Caller' });
    }
    const nobody = get(open, UserId.parse(randomUUID()));
    await expect(nobody).rejects.toMatchObject(refused('user.not-found'));
  });
});

describe('a conversation', () => {
  test('is muted until a moment, and no more, for one of its members', async () => {
    const { a, b, conversation } = await startTalk(platform, search);
    const until = new Date(Date.now() + 3_600_000).toISOString();
    const mute = (moment: string | null) =>
      search.call(a, muteConversation, { params: { id: conversation }, body: { until: moment } });
    const seenBy = (person: Person) =>
      search.call(person, getConversation, { params: { id: conversation } });
    await mute(until);
    expect((await seenBy(a)).mutedUntil).toBe(until);
    expect((await seenBy(b)).mutedUntil).toBeUndefined();
    await mute(null);
    expect((await seenBy(a)).mutedUntil).toBeUndefined();
  });

  test('that a stranger began is a request until it is accepted', async () => {
    const { a, b, conversation } = await startTalk(platform, search);
    const requestedOf = async (person: Person) =>
      (await search.call(person, getConversation, { params: { id: conversation } })).requested;
    expect(await requestedOf(a)).toBeUndefined();
    expect(await requestedOf(b)).toBe(true);
    for (let times = 0; times < 2; times++) {
      await search.call(b, acceptConversation, { params: { id: conversation } });
      expect(await requestedOf(b)).toBeUndefined();
    }
  });

  test('is decided about by its members alone', async () => {
    const { conversation } = await startTalk(platform, search);
    for (const id of [conversation, ConversationId.parse(randomUUID())]) {
      const input = { params: { id } };
      const accepting = search.call(caller, acceptConversation, input);
      await expect(accepting).rejects.toMatchObject(refused('conversation.not-found'));
      const muting = search.call(caller, muteConversation, { ...input, body: { until: null } });
      await expect(muting).rejects.toMatchObject(refused('conversation.not-found'));
    }
  });
});
