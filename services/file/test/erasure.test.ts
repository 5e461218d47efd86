/** What goes when an owner is no more, and what an owner may have of what is held about them. */
import { randomUUID } from 'node:crypto';
import type { UserId } from '@sotto/api';
import { exportFiles } from '@sotto/api/internal';
import { callPeer, publishEvent } from '@sotto/runtime';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  call,
  grant,
  newConversation,
  newUser,
  problemOf,
  rows,
  stored,
  until,
  upload,
  usage,
} from './client.fixture.ts';
import { INTERNAL_SECRET, type Platform, startPlatform } from './platform.fixture.ts';

let platform: Platform;
let isStoreDown = false;
beforeAll(async () => {
  platform = await startPlatform({
    store: 'directory',
    withBlobs: (blobs) => ({
      ...blobs,
      delete: (key) =>
        isStoreDown ? Promise.reject(new Error('the store is down')) : blobs.delete(key),
    }),
  });
});
afterAll(() => platform.close());

const deletionOf = (user: UserId) => ({ user, at: new Date().toISOString() });

async function erase(user: UserId): Promise<void> {
  await publishEvent(platform.bus, 'events.account.deleted', deletionOf(user), randomUUID());
}

async function ownersLeft(user: UserId): Promise<number> {
  const { rows: found } = await platform.database.pool.query(
    `select 1 from files where owner = $1 union all select 1 from usage where owner = $1
     union all select 1 from usage_days where owner = $1
     union all select 1 from members where user_id = $1`,
    [user],
  );
  return found.length;
}

test("an erased owner's files, blobs, grants and usage are gone; another's stay", async () => {
  const [owner, reader] = [newUser(), newUser()];
  const conversation = newConversation();
  platform.members.add(`${conversation} ${owner}`).add(`${conversation} ${reader}`);
  const kept = await stored(platform, reader);
  const files = [await stored(platform, owner), await stored(platform, owner)];
  for (const { id } of files) await grant(platform, owner, id, conversation);
  const blobKeys = (await rows(platform)).map(({ blob_key }) => blob_key);
  await erase(owner);
  await until(async () => (await ownersLeft(owner)) === 0);
  for (const { id } of files) {
    expect(await problemOf(await call(platform, reader, id))).toBe('404 file.not-found');
  }
  const left = (await rows(platform)).map(({ blob_key }) => blob_key);
  expect(left).toHaveLength(1);
  const gone = blobKeys.filter((key) => !left.includes(key));
  expect(gone).toHaveLength(2);
  for (const key of gone) expect(await platform.blobs.get(key)).toBeUndefined();
  expect((await call(platform, reader, kept.id)).status).toBe(200);
  expect(await usage(platform, reader)).toBeGreaterThan(0);
});

test('of files of others that they shared nothing is left of who is erased', async () => {
  const [owner, member] = [newUser(), newUser()];
  const [conversation, elsewhere] = [newConversation(), newConversation()];
  for (const user of [owner, member]) platform.members.add(`${conversation} ${user}`);
  platform.members.add(`${elsewhere} ${member}`);
  const { id } = await stored(platform, owner);
  expect((await grant(platform, owner, id, conversation)).status).toBe(204);
  expect((await grant(platform, member, id, elsewhere)).status).toBe(204);
  const input = { params: { user_id: member } };
  const { tables } = await callPeer(platform.fetch, exportFiles, input, INTERNAL_SECRET);
  expect(tables.grants).toMatchObject([{ file: id, conversation: elsewhere }]);
  await erase(member);
  const { query } = platform.database;
  const grants = () =>
    query.selectFrom('grants').select('grantor').where('file', '=', id).execute();
  await until(async () => (await grants()).length === 1);
  expect(await grants()).toEqual([{ grantor: owner }]);
});

test('an erasure may come twice, and an upload that comes late leaves nothing behind', async () => {
  const owner = newUser();
  await stored(platform, owner);
  await erase(owner);
  await until(async () => (await ownersLeft(owner)) === 0);
  await erase(owner);
  const late = await upload(platform, owner, new Uint8Array(10));
  expect(await problemOf(late)).toBe('401 auth.token-invalid');
  await until(async () => (await ownersLeft(owner)) === 0);
});

test('a store that is down only delays the erasure', async () => {
  const owner = newUser();
  const { id } = await stored(platform, owner);
  isStoreDown = true;
  await erase(owner);
  await until(async () => (await call(platform, owner, id)).status === 404);
  expect(await ownersLeft(owner)).toBeGreaterThan(0);
  isStoreDown = false;
  // The next round would come within a minute; another deletion brings it now.
  await erase(newUser());
  await until(async () => (await ownersLeft(owner)) === 0);
});

test('an export has the files and grants of the owner, and nothing of another', async () => {
  const [owner, other] = [newUser(), newUser()];
  const conversation = newConversation();
  platform.members.add(`${conversation} ${owner}`);
  const file = await stored(platform, owner);
  await grant(platform, owner, file.id, conversation);
  await stored(platform, other);
  const heard = { conversation, version: 1, joined: [owner, other], left: [] };
  await publishEvent(platform.bus, 'events.membership.changed', heard, randomUUID());
  const input = { params: { user_id: owner } };
  const { tables } = await callPeer(platform.fetch, exportFiles, input, INTERNAL_SECRET);
  expect(tables.files).toMatchObject([{ id: file.id, size: file.size, state: 'stored' }]);
  expect(tables.grants).toMatchObject([{ file: file.id, conversation }]);
  expect(tables.members).toMatchObject([{ conversation, is_member: true }]);
  expect(JSON.stringify(tables)).not.toContain(other);
});
