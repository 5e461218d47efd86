/** When files end by themselves: at their moment, and some time after nobody shares them. */
import { randomUUID } from 'node:crypto';
import type { FileId, UserId } from '@sotto/api';
import { publishEvent } from '@sotto/runtime';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DAY_MS } from '../src/limits.ts';
import {
  call,
  grant,
  newConversation,
  newUser,
  problemOf,
  rows,
  stored,
  until,
  usage,
} from './client.fixture.ts';
import { type Platform, startPlatform } from './platform.fixture.ts';
import { sweepOnce } from './sweep.fixture.ts';

const WAIT_MS = 30_000;
const RETENTION_MS = 7 * DAY_MS;

let platform: Platform;
beforeAll(async () => {
  platform = await startPlatform({ store: 'directory' });
});
afterAll(() => platform.close());

const isThere = async (id: FileId) =>
  (await platform.database.query
    .selectFrom('files')
    .select('id')
    .where('id', '=', id)
    .executeTakeFirst()) !== undefined;

const blobOf = (id: FileId) =>
  platform.database.query
    .selectFrom('files')
    .select('blob_key')
    .where('id', '=', id)
    .executeTakeFirstOrThrow();

/** So many processes at once. What they leave is nothing. */
async function sweepLater(aheadMs: number, processes = 1): Promise<void> {
  const rounds = Array.from({ length: processes }, () => {
    return sweepOnce(platform, { aheadMs, retentionMs: RETENTION_MS });
  });
  for (const { failures } of await Promise.all(rounds)) expect(failures).toEqual([]);
}

const deletionOf = (user: UserId) => ({ user, at: new Date().toISOString() });

async function hide(id: FileId): Promise<void> {
  const { query } = platform.database;
  await query.updateTable('files').set({ state: 'deleting' }).where('id', '=', id).execute();
}

async function shared(owner: UserId): Promise<{ id: FileId; conversation: string }> {
  const conversation = newConversation();
  platform.members.add(`${conversation} ${owner}`);
  const { id } = await stored(platform, owner);
  expect((await grant(platform, owner, id, conversation)).status).toBe(204);
  return { id, conversation };
}

test('a file that nobody ever shared goes when its time is over, with its blob and what it cost', async () => {
  const owner = newUser();
  const { id } = await stored(platform, owner);
  const { blob_key } = await blobOf(id);
  await sweepLater(RETENTION_MS - 60_000);
  expect((await call(platform, owner, id)).status).toBe(200);
  await sweepLater(RETENTION_MS + 60_000);
  expect(await isThere(id)).toBe(false);
  expect(await platform.blobs.get(blob_key)).toBeUndefined();
  expect(await usage(platform, owner)).toBe(0);
});

test('a file that is shared stays, and its time begins when that ends', async () => {
  const owner = newUser();
  const { id, conversation } = await shared(owner);
  await sweepLater(RETENTION_MS + 60_000);
  expect((await call(platform, owner, id)).status).toBe(200);
  const path = `${id}/grants/${conversation}`;
  expect((await call(platform, owner, path, { method: 'DELETE' })).status).toBe(204);
  await sweepLater(RETENTION_MS - 60_000);
  expect((await call(platform, owner, id)).status).toBe(200);
  await sweepLater(RETENTION_MS + 60_000);
  expect(await isThere(id)).toBe(false);
});

test('a file that is shared in two conversations stays when one of them ends', async () => {
  const owner = newUser();
  const { id } = await shared(owner);
  const second = newConversation();
  platform.members.add(`${second} ${owner}`);
  await grant(platform, owner, id, second);
  await call(platform, owner, `${id}/grants/${second}`, { method: 'DELETE' });
  await sweepLater(RETENTION_MS + 60_000);
  expect((await call(platform, owner, id)).status).toBe(200);
});

test('a file that is shared again before its time is over stays', async () => {
  const owner = newUser();
  const { id, conversation } = await shared(owner);
  await call(platform, owner, `${id}/grants/${conversation}`, { method: 'DELETE' });
  expect((await grant(platform, owner, id, conversation)).status).toBe(204);
  await sweepLater(RETENTION_MS + 60_000);
  expect((await call(platform, owner, id)).status).toBe(200);
});

test('a file is there for nobody from the moment that its uploader named, and goes then', async () => {
  const owner = newUser();
  const { id } = await shared(owner);
  const expire = (moment: Date) =>
    platform.database.query
      .updateTable('files')
      .set({ expires_at: moment })
      .where('id', '=', id)
      .execute();
  const moment = new Date(Date.now() + 600_000);
  await expire(moment);
  expect(await (await call(platform, owner, `${id}/info`)).json()).toMatchObject({
    expiresAt: moment.toISOString(),
  });
  await expire(new Date(Date.now() - 1));
  for (const path of [id, `${id}/info`]) {
    expect(await problemOf(await call(platform, owner, path))).toBe('404 file.not-found');
  }
  await sweepLater(0);
  expect(await isThere(id)).toBe(false);
});

test('two processes that sweep and erase at once remove everything once', async () => {
  const [owner, bystander] = [newUser(), newUser()];
  const files = await Promise.all(Array.from({ length: 12 }, () => stored(platform, owner)));
  const kept = await shared(bystander);
  const held = await usage(platform, bystander);
  for (const { id } of files.slice(0, 6)) await hide(id);
  const erase = () =>
    publishEvent(platform.bus, 'events.account.deleted', deletionOf(owner), randomUUID());
  const other = await platform.startAnother();
  await Promise.all([sweepLater(0, 2), erase(), erase(), sweepLater(0, 2)]);
  const left = async () => (await rows(platform)).length;
  await until(
    async () => !(await Promise.all(files.map(({ id }) => isThere(id)))).includes(true),
    WAIT_MS,
  );
  expect(await left()).toBeGreaterThan(0);
  expect((await call(platform, bystander, kept.id)).status).toBe(200);
  expect(await usage(platform, bystander)).toBe(held);
  await until(async () => (await ownersLeft(owner)) === 0, WAIT_MS);
  await other.close();
});

async function ownersLeft(owner: UserId): Promise<number> {
  const { rows: found } = await platform.database.pool.query(
    `select 1 from files where owner = $1 union all select 1 from usage where owner = $1
     union all select 1 from members where user_id = $1`,
    [owner],
  );
  return found.length;
}
