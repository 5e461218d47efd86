/** What cannot be removed, and who cannot be asked about, hold up nothing else. */
import { randomUUID } from 'node:crypto';
import type { Blobs } from '@sotto/runtime';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { DAY_MS, FAILURES_IN_ROW_MAX } from '../src/limits.ts';
import { grant, newConversation, newUser, stored } from './client.fixture.ts';
import { type Platform, startPlatform } from './platform.fixture.ts';
import { storeClaimed, sweepOnce } from './sweep.fixture.ts';

let platform: Platform;
beforeAll(async () => {
  platform = await startPlatform({ store: 'directory' });
});
afterAll(() => platform.close());

/** The platform's store, which refuses to remove some of what it has; and what it was asked to remove. */
function withStubborn(isStubborn: (key: string) => boolean): { blobs: Blobs; asked: string[] } {
  const asked: string[] = [];
  const blobs: Blobs = {
    ...platform.blobs,
    async delete(key) {
      asked.push(key);
      if (isStubborn(key)) throw new Error('access denied');
      return platform.blobs.delete(key);
    },
  };
  return { blobs, asked };
}

/** So many hidden files, eldest first. */
async function hidden(count: number): Promise<string[]> {
  const owner = newUser();
  for (let left = count; left > 0; left--) await stored(platform, owner);
  const { query } = platform.database;
  await query.updateTable('files').set({ state: 'deleting' }).where('owner', '=', owner).execute();
  const rows = await query
    .selectFrom('files')
    .select('blob_key')
    .where('owner', '=', owner)
    .orderBy('created_at')
    .execute();
  return rows.map(({ blob_key }) => blob_key);
}

async function left(keys: readonly string[]): Promise<string[]> {
  const rows = await platform.database.query
    .selectFrom('files')
    .select('blob_key')
    .where('blob_key', 'in', keys)
    .orderBy('created_at')
    .execute();
  return rows.map(({ blob_key }) => blob_key);
}

test('a blob that cannot be removed keeps no other from being removed, and goes once it can', async () => {
  const keys = await hidden(4);
  const eldest = keys.slice(0, 1);
  const { blobs } = withStubborn((key) => eldest.includes(key));
  expect((await sweepOnce(platform, { blobs })).failures).toHaveLength(1);
  expect(await left(keys)).toEqual(eldest);
  await sweepOnce(platform);
  expect(await left(keys)).toEqual([]);
});

test('more of them than a round puts up with starve nobody: the others go first in the next', async () => {
  const keys = await hidden(FAILURES_IN_ROW_MAX + 3);
  const stubborn = keys.slice(0, FAILURES_IN_ROW_MAX);
  const { blobs, asked } = withStubborn((key) => stubborn.includes(key));
  await sweepOnce(platform, { blobs });
  expect(asked).toEqual(stubborn);
  await sweepOnce(platform, { blobs, aheadMs: 1000 });
  expect(await left(keys)).toEqual(stubborn);
  await sweepOnce(platform, { aheadMs: 2000 });
});

test('a store that is down is not asked for all that is hidden', async () => {
  const keys = await hidden(FAILURES_IN_ROW_MAX + 3);
  const { blobs, asked } = withStubborn(() => true);
  expect((await sweepOnce(platform, { blobs })).failures).toHaveLength(FAILURES_IN_ROW_MAX);
  expect(asked).toHaveLength(FAILURES_IN_ROW_MAX);
  await sweepOnce(platform, { aheadMs: 1000 });
  expect(await left(keys)).toEqual([]);
});

test('a blob without a row that cannot be removed keeps no other', async () => {
  const keys = Array.from({ length: 4 }, () => randomUUID()).sort();
  for (const key of keys) await platform.blobs.put(key, new Uint8Array(1));
  const attempts = keys.map(async (key) => ({
    key,
    attempt: await platform.blobs.beginParts(key),
  }));
  const [first] = await Promise.all(attempts);
  const { blobs } = withStubborn((key) => key === keys[0]);
  blobs.abortParts = async (attempt) => {
    if (attempt.attempt === first?.attempt) throw new Error('access denied');
    return platform.blobs.abortParts(attempt);
  };
  await platform.database.query.deleteFrom('rounds').execute();
  await storeClaimed(platform);
  const { failures } = await sweepOnce(platform, { blobs, aheadMs: 9 * DAY_MS });
  expect(failures).toHaveLength(2);
  for (const key of keys.slice(1)) expect(await platform.blobs.get(key)).toBeUndefined();
  const unfinished = await Array.fromAsync(platform.blobs.listUnfinished());
  expect(unfinished.map(({ attempt }) => attempt)).toEqual([first?.attempt]);
});

test('a conversation that cannot be asked about keeps no grant of another alive', async () => {
  const owner = newUser();
  const conversations = [newConversation(), newConversation(), newConversation()] as const;
  const { id } = await stored(platform, owner);
  for (const conversation of conversations) {
    platform.members.add(`${conversation} ${owner}`);
    expect((await grant(platform, owner, id, conversation)).status).toBe(204);
    platform.members.delete(`${conversation} ${owner}`);
  }
  const { query } = platform.database;
  // The first in every round's order.
  await query
    .updateTable('conversations')
    .set({ asked_at: null })
    .where('id', '=', conversations[0])
    .execute();
  const hasMembers = async (conversation: string) => {
    if (conversation === conversations[0]) throw new Error('no answer');
    return false;
  };
  await sweepOnce(platform, { hasMembers, aheadMs: 2 * DAY_MS });
  const grants = await query.selectFrom('grants').select('conversation').execute();
  expect(grants).toEqual([{ conversation: conversations[0] }]);
  await sweepOnce(platform, { aheadMs: 2 * DAY_MS + 1000 });
  expect(await query.selectFrom('grants').select('conversation').execute()).toEqual([]);
});
