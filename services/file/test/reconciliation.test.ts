/** The store beside the rows: what only one of them knows is found, and no more is removed than crashes explain. */
import { randomUUID } from 'node:crypto';
import type { Blobs } from '@sotto/runtime';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { DAY_MS, ORPHANS_UNQUESTIONED, SWEEP_MS } from '../src/limits.ts';
import { MARKER_KEY } from '../src/store-marker.ts';
import { call, newUser, rows, stored, usage } from './client.fixture.ts';
import { type Platform, startPlatform } from './platform.fixture.ts';
import { storeClaimed, sweepOnce } from './sweep.fixture.ts';

const stores = process.env.TEST_S3_ENDPOINT
  ? (['directory', 's3'] as const)
  : (['directory'] as const);

let platform: Platform;

/** Two processes of two days later look through the store at once; what they refused to remove. */
async function reconcileLater(aheadMs = 8 * DAY_MS, blobs = platform.blobs): Promise<string[]> {
  await storeClaimed(platform);
  // Whatever time the last one has: a platform of many tests has a round in each.
  await platform.database.query.deleteFrom('rounds').execute();
  const rounds = await Promise.all([1, 2].map(() => sweepOnce(platform, { aheadMs, blobs })));
  expect(rounds.flatMap(({ failures }) => failures)).toEqual([]);
  return rounds.flatMap(({ refused }) => refused);
}

async function keys(): Promise<string[]> {
  const found = [];
  for await (const { key } of platform.blobs.list()) if (key !== MARKER_KEY) found.push(key);
  return found;
}

async function unfinished(): Promise<string[]> {
  const found = [];
  for await (const { attempt } of platform.blobs.listUnfinished()) found.push(attempt);
  return found;
}

const put = (blobs: Blobs) => {
  const key = randomUUID();
  return blobs.put(key, new Blob(['orphan']).stream()).then(() => key);
};

describe.each(stores)('with the %s store', (store) => {
  beforeAll(async () => {
    platform = await startPlatform({ store });
  });
  afterAll(() => platform.close());

  test('a blob without a row goes when it is a week old, and what is stored stays', async () => {
    const owner = newUser();
    const file = await stored(platform, owner);
    const orphan = await put(platform.blobs);
    await reconcileLater(6 * DAY_MS);
    expect(await keys()).toContain(orphan);
    await reconcileLater();
    const left = await rows(platform);
    expect(await keys()).toEqual(left.map(({ blob_key }) => blob_key).sort());
    expect((await call(platform, owner, file.id)).status).toBe(200);
  });

  test('a file whose blob is lost is given up, and its owner has the bytes back', async () => {
    const owner = newUser();
    for (const file of [await stored(platform, newUser()), await stored(platform, owner)]) {
      expect(file.size).toBeGreaterThan(0);
    }
    const lost = (await rows(platform)).at(-1)?.blob_key ?? '';
    const of = await platform.database.query
      .selectFrom('files')
      .select('owner')
      .where('blob_key', '=', lost)
      .executeTakeFirstOrThrow();
    await platform.blobs.delete(lost);
    await reconcileLater();
    // Its row is hidden in that round and removed in the next one.
    await sweepOnce(platform);
    expect((await rows(platform)).map(({ blob_key }) => blob_key)).not.toContain(lost);
    expect(await usage(platform, of.owner)).toBe(0);
  });

  test('parts of an upload that nobody goes on with are removed', async () => {
    const { blobs, database } = platform;
    const live = await stored(platform, newUser());
    const { query } = database;
    const { blob_key } = await query
      .updateTable('files')
      .set({ state: 'pending' })
      .where('id', '=', live.id)
      .returning('blob_key')
      .executeTakeFirstOrThrow();
    const attempt = await blobs.beginParts(blob_key);
    const expires_at = new Date(Date.now() + 20 * DAY_MS);
    await query.insertInto('uploads').values({ file: live.id, expires_at, attempt }).execute();
    const key = randomUUID();
    const abandoned = { key, attempt: await blobs.beginParts(key) };
    await blobs.putPart(abandoned, { number: 1, body: new Uint8Array(10) });
    await reconcileLater();
    expect(await unfinished()).toEqual([attempt]);
    await query.updateTable('uploads').set({ expires_at: new Date() }).execute();
  });

  test('all of an upload goes with its file: parts, pieces and row', async () => {
    const { blobs, database } = platform;
    const { id } = await stored(platform, newUser());
    const { blob_key: key } = await database.query
      .updateTable('files')
      .set({ state: 'pending' })
      .where('id', '=', id)
      .returning('blob_key')
      .executeTakeFirstOrThrow();
    const attempt = await blobs.beginParts(key);
    const piece = await put(blobs);
    const expires_at = new Date(Date.now() + DAY_MS);
    await database.query.insertInto('uploads').values({ file: id, expires_at, attempt }).execute();
    await database.query
      .insertInto('upload_pieces')
      .values({ file: id, start: 0, size: 6, blob_key: piece })
      .execute();
    await reconcileLater();
    expect((await rows(platform)).map(({ blob_key }) => blob_key)).not.toContain(key);
    expect(await keys()).not.toContain(piece);
    expect(await unfinished()).not.toContain(attempt);
  });
});

describe('a store that is not the one of the rows', () => {
  beforeAll(async () => {
    platform = await startPlatform({ store: 'directory' });
  });
  afterAll(() => platform.close());

  test('keeps what it has: most of it is nobody’s here', async () => {
    await stored(platform, newUser());
    const orphans = ORPHANS_UNQUESTIONED + 1;
    for (let left = orphans; left > 0; left--) await put(platform.blobs);
    expect(await reconcileLater()).toEqual(['orphans']);
    expect(await keys()).toHaveLength(orphans + 1);
    for (const key of await keys()) await platform.blobs.delete(key);
    await platform.database.query.deleteFrom('files').execute();
  });

  test('keeps what it has: another platform has marked it as its own', async () => {
    const orphan = await put(platform.blobs);
    await storeClaimed(platform);
    const own = await new Response((await platform.blobs.get(MARKER_KEY))?.body).text();
    for (const marker of [randomUUID(), '', `${own}${own}`]) {
      await platform.blobs.put(MARKER_KEY, Buffer.from(marker));
      expect(await reconcileLater(), marker).toEqual(['marker']);
      expect(await keys()).toEqual([orphan]);
    }
    await platform.blobs.put(MARKER_KEY, Buffer.from(own));
    expect(await reconcileLater()).toEqual([]);
    expect(await keys()).toEqual([]);
  });

  test('keeps what it has in the round that marks it', async () => {
    const orphan = await put(platform.blobs);
    const { query } = platform.database;
    await platform.blobs.delete(MARKER_KEY);
    await query.deleteFrom('rounds').execute();
    await sweepOnce(platform, { aheadMs: 8 * DAY_MS });
    expect(await keys()).toEqual([orphan]);
    expect(await reconcileLater()).toEqual([]);
    expect(await keys()).toEqual([]);
  });

  test('is looked through by the sweep a minute after the one that marked it, or that it failed', async () => {
    const { query } = platform.database;
    const aheadMs = 8 * DAY_MS;
    for (const first of ['marks', 'fails'] as const) {
      const orphan = await put(platform.blobs);
      if (first === 'marks') await platform.blobs.delete(MARKER_KEY);
      await query.deleteFrom('rounds').execute();
      const get = () => Promise.reject(new Error('the store is not up yet'));
      const blobs = first === 'fails' ? { ...platform.blobs, get } : platform.blobs;
      await sweepOnce(platform, { aheadMs, blobs });
      await sweepOnce(platform, { aheadMs });
      expect(await keys(), first).toEqual([orphan]);
      await sweepOnce(platform, { aheadMs: aheadMs + SWEEP_MS });
      expect(await keys(), first).toEqual([]);
    }
  });

  test('loses the parts that nobody goes on with, whatever else lies there', async () => {
    for (let left = ORPHANS_UNQUESTIONED + 1; left > 0; left--) await put(platform.blobs);
    const key = randomUUID();
    await platform.blobs.beginParts(key);
    expect(await reconcileLater()).toEqual(['orphans']);
    expect(await unfinished()).toEqual([]);
    for (const orphan of await keys()) await platform.blobs.delete(orphan);
  });

  test('keeps what is older than the database, be it a single blob', async () => {
    const elder = { key: randomUUID(), modifiedAt: new Date(Date.now() - 60 * 60_000) };
    const deleted: string[] = [];
    const blobs: Blobs = {
      ...platform.blobs,
      list: async function* () {
        yield elder;
      },
      delete: async (key) => void deleted.push(key),
    };
    expect(await reconcileLater(8 * DAY_MS, blobs)).toEqual(['orphans']);
    expect(deleted).toEqual([]);
  });

  test('costs no file: most of them are not lost but elsewhere', async () => {
    const owner = newUser();
    const files = [await stored(platform, owner), await stored(platform, owner)];
    const wrong: Blobs = {
      ...platform.blobs,
      get: async (key) => (key === MARKER_KEY ? platform.blobs.get(key) : undefined),
      list: async function* () {},
    };
    expect(await reconcileLater(8 * DAY_MS, wrong)).toEqual(['lost']);
    for (const { id } of files) expect((await call(platform, owner, id)).status).toBe(200);
  });
});
