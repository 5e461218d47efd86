/** What the service hears of accounts and memberships over a real NATS: by two processes, twice, out of order, late. */
import { randomUUID } from 'node:crypto';
import type { ConversationId, FileId, UserId } from '@sotto/api';
import type { MembershipChanged } from '@sotto/api/internal';
import { openNatsBus, publishEvent, type Service } from '@sotto/runtime';
import { testNats } from '@sotto/runtime/testing';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { call, grant, newConversation, newUser, stored, until } from './client.fixture.ts';
import { type Platform, startPlatform } from './platform.fixture.ts';

const WAIT_MS = 30_000;

const nats = testNats();
let platform: Platform;
let other: Service;
beforeAll(async () => {
  platform = await startPlatform({ store: 'directory', openBus: () => openNatsBus(nats) });
  other = await platform.startAnother();
});
afterAll(async () => {
  await platform.close();
  await nats.close();
});

function tell(
  change: Partial<MembershipChanged> & { conversation: ConversationId; version: number },
): Promise<void> {
  const event = { joined: [], left: [], ...change };
  return publishEvent(platform.bus, 'events.membership.changed', event, randomUUID());
}

function erase(user: UserId): Promise<void> {
  const event = { user, at: new Date().toISOString() };
  return publishEvent(platform.bus, 'events.account.deleted', event, randomUUID());
}

/** A file of one user, shared with others. */
async function shared(...others: UserId[]) {
  const owner = newUser();
  const conversation = newConversation();
  for (const user of [owner, ...others]) platform.members.add(`${conversation} ${user}`);
  const { id } = await stored(platform, owner);
  expect((await grant(platform, owner, id, conversation)).status).toBe(204);
  return { owner, conversation, id };
}

/** What a user gets of a file, from both processes. */
async function statuses(user: UserId, file: FileId): Promise<string> {
  const both = [platform, { ...platform, fetch: other.fetch }];
  const answers = await Promise.all(both.map((process) => call(process, user, `${file}/info`)));
  return answers.map(({ status }) => status).join(' ');
}

function heardOf(conversation: ConversationId, user: UserId) {
  return platform.database.query
    .selectFrom('members')
    .select(['version', 'is_member'])
    .where('conversation', '=', conversation)
    .where('user_id', '=', user)
    .executeTakeFirst();
}

async function rowsOf(owner: UserId): Promise<number> {
  const { rows } = await platform.database.pool.query(
    'select 1 from files where owner = $1 union all select 1 from usage where owner = $1',
    [owner],
  );
  return rows.length;
}

test('who leaves a conversation reads nothing more by either process, and its last grant ends with the last of them', async () => {
  const reader = newUser();
  const { owner, conversation, id } = await shared(reader);
  expect(await statuses(reader, id)).toBe('200 200');
  platform.members.delete(`${conversation} ${reader}`);
  await tell({ conversation, version: 2, left: [reader] });
  await until(async () => (await statuses(reader, id)) === '404 404', WAIT_MS);
  expect(await statuses(owner, id)).toBe('200 200');
  platform.members.delete(`${conversation} ${owner}`);
  await tell({ conversation, version: 3, left: [owner] });
  const { query } = platform.database;
  const grants = () => query.selectFrom('grants').select('file').where('file', '=', id).execute();
  await until(async () => (await grants()).length === 0, WAIT_MS);
});

test('events that come twice and out of order leave what the newest says', async () => {
  const reader = newUser();
  const { conversation } = await shared(reader);
  const history = [
    { version: 2, joined: [reader] },
    { version: 3, left: [reader] },
    { version: 4, joined: [reader] },
  ];
  for (const change of [...history.toReversed(), ...history, ...history.toReversed()])
    await tell({ conversation, ...change });
  // The log is read in its order: once the last event is heard, all before it were.
  const last = newUser();
  await tell({ conversation, version: 5, joined: [last] });
  await until(async () => (await heardOf(conversation, last)) !== undefined, WAIT_MS);
  expect(await heardOf(conversation, reader)).toEqual({ version: 4, is_member: true });
});

test('an erased owner is erased once, however often it is told, and also when nobody listened just then', async () => {
  const [owner, late, bystander] = [newUser(), newUser(), newUser()];
  for (const user of [owner, owner, late, bystander]) await stored(platform, user);
  await Promise.all([erase(owner), erase(owner)]);
  await until(async () => (await rowsOf(owner)) === 0, WAIT_MS);
  await Promise.all([platform.closeService(), other.close()]);
  await erase(late);
  expect(await rowsOf(late)).toBeGreaterThan(0);
  await platform.startAnother();
  await until(async () => (await rowsOf(late)) === 0, WAIT_MS);
  expect(await rowsOf(bystander)).toBeGreaterThan(0);
});
