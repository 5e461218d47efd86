import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { blobsContract } from './blobs.contract.ts';
import { openDirectoryBlobs } from './blobs-directory.ts';
import { BLOB_PART_BYTES } from './limits.ts';

describe('the blobs in a directory', () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'blobs '));
  });
  afterAll(() => rm(directory, { recursive: true }));

  blobsContract(() => openDirectoryBlobs({ directory: join(directory, 'store') }));

  test('leftovers of a crash are removed at the next start, blobs are not', async () => {
    const store = join(directory, 'crashed');
    const first = await openDirectoryBlobs({ directory: store });
    const key = crypto.randomUUID();
    await first.put(key, new Response('kept').body!);
    await mkdir(join(store, 'unfinished'), { recursive: true });
    await writeFile(join(store, 'unfinished', 'half'), 'half');
    const second = await openDirectoryBlobs({ directory: store });
    expect(await readdir(join(store, 'unfinished'))).toEqual([]);
    expect((await second.get(key))?.size).toBe(4);
  });

  test('parts outlive a restart', async () => {
    const store = join(directory, 'restarted');
    const first = await openDirectoryBlobs({ directory: store });
    const key = crypto.randomUUID();
    const attempt = { key, attempt: await first.beginParts(key) };
    const tag = await first.putPart(attempt, { number: 1, body: Buffer.from('kept') });
    const second = await openDirectoryBlobs({ directory: store });
    await second.completeParts(attempt, [tag]);
    expect(await new Response((await second.get(key))?.body).text()).toBe('kept');
  });

  test('parts that are not those of a blob make none', async () => {
    const blobs = await openDirectoryBlobs({ directory: join(directory, 'odd') });
    const key = crypto.randomUUID();
    const attempt = { key, attempt: await blobs.beginParts(key) };
    const tag = await blobs.putPart(attempt, { number: 1, body: Buffer.from('short') });
    await expect(blobs.completeParts(attempt, [tag, tag])).rejects.toThrow(TypeError);
    await expect(blobs.completeParts(attempt, [])).rejects.toThrow(TypeError);
    const missing = [String(BLOB_PART_BYTES), tag];
    await expect(blobs.completeParts(attempt, missing)).rejects.toThrow('a part is missing');
    expect(await blobs.get(key)).toBeUndefined();
  });

  test('strange files in the directory are no blobs', async () => {
    const store = join(directory, 'strange');
    const blobs = await openDirectoryBlobs({ directory: store });
    await mkdir(join(store, 'ab', 'cd'), { recursive: true });
    await mkdir(join(store, 'lost+found'));
    for (const path of ['ab/cd/x', 'ab/x', 'x', 'parts/x']) await writeFile(join(store, path), 'x');
    expect(await Array.fromAsync(blobs.list())).toEqual([]);
    expect(await Array.fromAsync(blobs.listUnfinished())).toEqual([]);
  });

  test('a directory that went away fails the ping', async () => {
    const store = join(directory, 'gone');
    const blobs = await openDirectoryBlobs({ directory: store });
    await rm(store, { recursive: true });
    await expect(blobs.ping()).rejects.toThrow();
  });
});
