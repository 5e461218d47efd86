/** Resumable uploads over HTTP, against the real service over both stores: what is sent is what is there. */
import { randomBytes } from 'node:crypto';
import type { Blobs } from '@sotto/runtime';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newUser, problemOf, sha256, until, usage } from './client.fixture.ts';
import { type Platform, startPlatform } from './platform.fixture.ts';
import {
  ask,
  begin,
  bring,
  bringRaw,
  checksumOf,
  download,
  idOf,
  leftovers,
  PART,
  standing,
  TUS,
} from './resumable.fixture.ts';

const stores = process.env.TEST_S3_ENDPOINT
  ? (['directory', 's3'] as const)
  : (['directory'] as const);

describe.each(stores)('a resumable upload over the %s store', (store) => {
  let platform: Platform;
  let parts = 0;
  let readWhole = 0;
  /** Counts what has come to the store, and what the service itself read of it. */
  const counted = (blobs: Blobs): Blobs => ({
    ...blobs,
    async putPart(attempt, part) {
      const tag = await blobs.putPart(attempt, part);
      parts += 1;
      return tag;
    },
    get(key, range, purpose) {
      if (range === undefined && purpose !== 'reader') readWhole += 1;
      return blobs.get(key, range, purpose);
    },
  });
  beforeAll(async () => {
    const environment = { FILE_UPLOAD_STALL: '1s' };
    platform = await startPlatform({ store, environment, withBlobs: counted });
  });
  afterAll(() => platform.close());
  const somebody = () => ({ user: newUser(), platform });

  test.each([
    ['parts as they are stored', [PART, PART, 1000]],
    ['pieces that fit no part', [3_000_000, 2_500_000, 700_000]],
    ['one request', [PART + 5]],
    ['many small requests', [1, 1, 1, 700, 3, 2_000, 1, 0, 9]],
  ])('in %s is the file that was sent', async (_, sizes) => {
    const uploader = somebody();
    const bytes = randomBytes(sizes.reduce((sum, size) => sum + size, 0));
    const path = await begin(uploader, bytes.byteLength);
    expect((await ask(uploader, idOf(path), {})).status).toBe(404);
    let offset = 0;
    for (const size of sizes) {
      const body = bytes.subarray(offset, offset + size);
      const answer = await bring(uploader, path, { offset, body });
      expect(answer.status).toBe(204);
      offset += size;
      expect(answer.headers.get('upload-offset')).toBe(String(offset));
      expect(await standing(uploader, path)).toBe(offset);
    }
    expect(sha256(await download(uploader, path))).toBe(sha256(bytes));
    const info = await (await ask(uploader, `${idOf(path)}/info`, {})).json();
    expect(info).toMatchObject({ size: bytes.byteLength });
    expect(Buffer.from(info.sha256, 'base64url').toString('hex')).toBe(sha256(bytes));
    expect(await usage(platform, uploader.user)).toBe(Math.max(4096, bytes.byteLength));
    expect(await leftovers(platform)).toEqual([]);
  });

  test('is read back when no process got all of it in order, and only then', async () => {
    const uploader = somebody();
    const other = { ...uploader, fetch: (await platform.startAnother()).fetch };
    for (const [second, reads] of [
      [uploader, 0],
      [other, 1],
    ] as const) {
      const bytes = randomBytes(PART + 10);
      const path = await begin(uploader, bytes.byteLength);
      readWhole = 0;
      await bring(uploader, path, { offset: 0, body: bytes.subarray(0, PART) });
      await bring(second, path, { offset: PART, body: bytes.subarray(PART) });
      expect(readWhole).toBe(reads);
      expect(sha256(await download(uploader, path))).toBe(sha256(bytes));
    }
  });

  test('of nothing is a file at once', async () => {
    const uploader = somebody();
    const path = await begin(uploader, 0);
    expect((await download(uploader, path)).byteLength).toBe(0);
    expect(await standing(uploader, path)).toBe(0);
  });

  test('that breaks off is gone on with where it stands', async () => {
    const uploader = somebody();
    const bytes = randomBytes(PART + 70_000);
    const path = await begin(uploader, bytes.byteLength);
    const { socket, answer } = bringRaw(uploader, path, { offset: 0, length: bytes.byteLength });
    socket.write(bytes.subarray(0, PART + 50_000));
    const { query } = platform.database;
    await until(
      async () => (await query.selectFrom('upload_parts').selectAll().execute()).length === 1,
      30_000,
    );
    socket.destroy();
    await answer;
    await until(async () => (await standing(uploader, path)) === PART + 50_000, 30_000);
    const offset = PART + 50_000;
    const last = await bring(uploader, path, { offset, body: bytes.subarray(offset) });
    expect(last.status).toBe(204);
    expect(sha256(await download(uploader, path))).toBe(sha256(bytes));
    expect(await leftovers(platform)).toEqual([]);
  });

  test('that is given up leaves nothing, whatever had come of it', async () => {
    const uploader = somebody();
    const path = await begin(uploader, 2 * PART);
    await bring(uploader, path, { offset: 0, body: randomBytes(PART + 10) });
    const answer = await ask(uploader, path, { method: 'DELETE', headers: TUS });
    expect(answer.status).toBe(204);
    expect(await standing(uploader, path)).toBe('file.not-found');
    expect(await usage(platform, uploader.user)).toBe(0);
    expect(await leftovers(platform)).toEqual([]);
  });

  test('with a checksum is stored whole or not at all', async () => {
    const uploader = somebody();
    const bytes = randomBytes(PART + 100);
    const path = await begin(uploader, bytes.byteLength);
    const first = bytes.subarray(0, 10);
    await bring(uploader, path, { offset: 0, body: first, headers: checksumOf(first) });
    const body = bytes.subarray(10);
    const wrong = await bring(uploader, path, { offset: 10, body, headers: checksumOf(first) });
    expect(await problemOf(wrong)).toBe('460 upload.checksum-mismatch');
    expect(await standing(uploader, path)).toBe(10);

    parts = 0;
    const { socket, answer } = bringRaw(uploader, path, {
      ...{ offset: 10, length: body.byteLength },
      headers: checksumOf(body),
    });
    socket.write(body.subarray(0, PART + 20));
    // What it brought is in the store, and does not count.
    await until(async () => parts === 1, 30_000);
    socket.destroy();
    await answer;
    expect(await standing(uploader, path)).toBe(10);

    const right = await bring(uploader, path, { offset: 10, body, headers: checksumOf(body) });
    expect(right.status).toBe(204);
    expect(sha256(await download(uploader, path))).toBe(sha256(bytes));
    expect(await leftovers(platform)).toEqual([]);
  });
});
