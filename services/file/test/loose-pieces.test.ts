/** Pieces that were stored and never counted, or count no more: a row names each, and the sweeper removes it. */
import { randomBytes } from 'node:crypto';
import { ApiError } from '@sotto/api';
import type { Blobs } from '@sotto/runtime';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { DAY_MS, ORPHANS_UNQUESTIONED, PENDING_MS } from '../src/limits.ts';
import { newUser, sha256 } from './client.fixture.ts';
import { type Platform, startPlatform } from './platform.fixture.ts';
import { begin, bring, download, leftovers, standing } from './resumable.fixture.ts';
import { storeClaimed, sweepOnce } from './sweep.fixture.ts';

const MINUTE_MS = 60_000;
const LENGTH = 5_000;

/** What happens once the store has a piece, or instead of its removal. */
let afterPut: (() => Promise<void>) | undefined;
let beforeDelete: (() => Promise<void>) | undefined;

let platform: Platform;
beforeAll(async () => {
  const withBlobs = (blobs: Blobs): Blobs => ({
    ...blobs,
    async put(key, body) {
      const size = await blobs.put(key, body);
      await afterPut?.();
      return size;
    },
    async delete(key) {
      await beforeDelete?.();
      await blobs.delete(key);
    },
  });
  platform = await startPlatform({ store: 'directory', withBlobs });
  await storeClaimed(platform);
});
afterEach(() => {
  afterPut = undefined;
  beforeDelete = undefined;
});
afterAll(() => platform.close());
const somebody = () => ({ user: newUser(), platform });

async function fail(): Promise<never> {
  throw new ApiError('service.unavailable');
}

const bytes = randomBytes(LENGTH);
const upTo = (offset: number, end: number) => ({ offset, body: bytes.subarray(offset, end) });

test('what many requests left whose process died goes an hour later, and is taken for nobody else’s', async () => {
  const uploader = somebody();
  const paths: string[] = [];
  for (let left = ORPHANS_UNQUESTIONED + 1; left > 0; left--)
    paths.push(await begin(uploader, LENGTH));
  afterPut = fail;
  for (const path of paths) expect((await bring(uploader, path, upTo(0, 1000))).status).toBe(503);
  afterPut = undefined;
  const blobs = async () => (await leftovers(platform)).filter((one) => one.startsWith('a blob'));
  await sweepOnce(platform, { aheadMs: PENDING_MS - MINUTE_MS });
  expect(await blobs()).toHaveLength(paths.length);
  expect(await sweepOnce(platform, { aheadMs: PENDING_MS + MINUTE_MS })).toEqual({
    failures: [],
    refused: [],
  });
  expect(await blobs()).toEqual([]);
  for (const path of paths) expect((await bring(uploader, path, upTo(0, LENGTH))).status).toBe(204);
  expect(sha256(await download(uploader, paths[0] ?? ''))).toBe(sha256(bytes));
  expect(await leftovers(platform)).toEqual([]);
});

test('one that the store would not give up when its bytes were joined goes with the next round', async () => {
  const uploader = somebody();
  const path = await begin(uploader, LENGTH);
  expect((await bring(uploader, path, upTo(0, 1000))).status).toBe(204);
  beforeDelete = fail;
  expect((await bring(uploader, path, upTo(1000, 2000))).status).toBe(204);
  beforeDelete = undefined;
  const loose = (await leftovers(platform)).filter((one) => one.startsWith('loose_pieces'));
  expect(loose).toHaveLength(2);
  expect((await sweepOnce(platform)).failures).toEqual([]);
  expect((await bring(uploader, path, upTo(2000, LENGTH))).status).toBe(204);
  expect(sha256(await download(uploader, path))).toBe(sha256(bytes));
  expect(await leftovers(platform)).toEqual([]);
});

test('one that was given up before it counted never counts', async () => {
  const uploader = somebody();
  const path = await begin(uploader, LENGTH);
  afterPut = async () => {
    await sweepOnce(platform, { aheadMs: PENDING_MS + MINUTE_MS });
  };
  expect((await bring(uploader, path, upTo(0, 1000))).status).toBe(500);
  afterPut = undefined;
  expect(await standing(uploader, path)).toBe(0);
  expect((await bring(uploader, path, upTo(0, LENGTH))).status).toBe(204);
  expect(sha256(await download(uploader, path))).toBe(sha256(bytes));
  expect(await leftovers(platform)).toEqual([]);
});

test('stays while a backup is made that has read its row', async () => {
  const uploader = somebody();
  const path = await begin(uploader, LENGTH);
  afterPut = fail;
  await bring(uploader, path, upTo(0, 1000));
  afterPut = undefined;
  const client = await platform.database.pool.connect();
  try {
    await client.query(`select pg_advisory_lock(hashtextextended('file:backup', 0))`);
    await sweepOnce(platform, { aheadMs: PENDING_MS + MINUTE_MS });
    expect(await leftovers(platform)).toContainEqual(expect.stringMatching(/^loose_pieces: /));
  } finally {
    client.release(true);
  }
  await sweepOnce(platform, { aheadMs: 2 * DAY_MS });
  expect(await leftovers(platform)).toEqual([]);
});
