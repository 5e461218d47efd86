/** What every blob store promises, as tests; `blobs-directory.test.ts` and `blobs-s3.test.ts` run them. */
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Blobs } from './blobs.ts';
import { BLOB_PART_BYTES } from './limits.ts';

/** The bytes as a stream of pieces of this size, made as they are asked for. */
function streamOf(bytes: Uint8Array, pieceBytes = 64 * 1024): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream({
    pull(controller) {
      if (at >= bytes.byteLength) return controller.close();
      controller.enqueue(bytes.subarray(at, at + pieceBytes));
      at += pieceBytes;
    },
  });
}

async function readAll(body: ReadableStream<Uint8Array>): Promise<Buffer> {
  return Buffer.from(await new Response(body).arrayBuffer());
}

const digest = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Runs the contract against the store that `open` makes, one for all tests. */
export function blobsContract(open: () => Promise<Blobs>): void {
  let blobs: Blobs;
  beforeAll(async () => {
    blobs = await open();
  });
  afterAll(() => blobs.close());

  const sizes = [0, 1, 65_537, BLOB_PART_BYTES - 1, BLOB_PART_BYTES, 2 * BLOB_PART_BYTES + 5];
  test.each(sizes)('%i bytes come back as they were put', async (size) => {
    const key = randomUUID();
    const bytes = randomBytes(size);
    expect(await blobs.put(key, streamOf(bytes))).toBe(size);
    const blob = await blobs.get(key);
    expect(blob?.size).toBe(size);
    expect(digest(await readAll(blob!.body))).toBe(digest(bytes));
  });

  test('a stream of odd little pieces is put whole', async () => {
    const key = randomUUID();
    const bytes = randomBytes(100_003);
    await blobs.put(key, streamOf(bytes, 1009));
    expect(digest(await readAll((await blobs.get(key))!.body))).toBe(digest(bytes));
  });

  test('a range gives those bytes and the size of the whole', async () => {
    const key = randomUUID();
    const bytes = randomBytes(1000);
    await blobs.put(key, streamOf(bytes));
    for (const [start, end] of [
      [0, 0],
      [10, 19],
      [990, 999],
      [990, 5000],
      [0, 999],
    ] as const) {
      const blob = await blobs.get(key, { start, end });
      expect(blob?.size).toBe(1000);
      expect(await readAll(blob!.body)).toEqual(bytes.subarray(start, end + 1));
    }
    await expect(blobs.get(key, { start: 1000, end: 1001 })).rejects.toThrow(RangeError);
    await expect(blobs.get(key, { start: 5, end: 4 })).rejects.toThrow(RangeError);
  });

  test.each([100, BLOB_PART_BYTES + 100])(
    'a stream that fails after %i bytes leaves nothing behind',
    async (size) => {
      const key = randomUUID();
      const broken = new Error('the sender went away');
      let sent = false;
      const body = new ReadableStream<Uint8Array>({
        pull(controller) {
          if (sent) throw broken;
          sent = true;
          controller.enqueue(randomBytes(size));
        },
      });
      await expect(blobs.put(key, body)).rejects.toBe(broken);
      expect(await blobs.get(key)).toBeUndefined();
    },
  );

  test('what is not there is undefined, and deleting it is no error', async () => {
    const key = randomUUID();
    expect(await blobs.get(key)).toBeUndefined();
    expect(await blobs.get(key, { start: 0, end: 1 })).toBeUndefined();
    await blobs.delete(key);
  });

  test('a deleted blob is gone', async () => {
    const key = randomUUID();
    await blobs.put(key, streamOf(randomBytes(10)));
    await blobs.delete(key);
    expect(await blobs.get(key)).toBeUndefined();
  });

  test('a reader that goes away early does no harm', async () => {
    const key = randomUUID();
    await blobs.put(key, streamOf(randomBytes(1_000_000)));
    for (let time = 0; time < 40; time++) {
      const reader = (await blobs.get(key))!.body.getReader();
      await reader.read();
      await reader.cancel();
    }
    await blobs.ping();
  });

  test('only a UUID is a key', async () => {
    for (const key of ['', '../secret', 'a/b', randomUUID().toUpperCase(), `${randomUUID()}/x`]) {
      await expect((async () => blobs.get(key))()).rejects.toThrow(TypeError);
      await expect((async () => blobs.put(key, streamOf(randomBytes(1))))()).rejects.toThrow(
        TypeError,
      );
      await expect((async () => blobs.delete(key))()).rejects.toThrow(TypeError);
    }
  });
}
