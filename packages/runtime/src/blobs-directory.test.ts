import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { blobsContract } from './blobs.contract.ts';
import { openDirectoryBlobs } from './blobs-directory.ts';

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

  test('a directory that went away fails the ping', async () => {
    const store = join(directory, 'gone');
    const blobs = await openDirectoryBlobs({ directory: store });
    await rm(store, { recursive: true });
    await expect(blobs.ping()).rejects.toThrow();
  });
});
