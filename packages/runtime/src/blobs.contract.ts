/** What every blob store promises, as tests; `blobs-directory.test.ts` and `blobs-s3.test.ts` run them. */
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Blobs, type PartsAttempt, PartsGoneError } from './blobs.ts';
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

  test('bytes in memory are put as a stream is', async () => {
    for (const bytes of [new Uint8Array(), randomBytes(100_003)]) {
      const key = randomUUID();
      expect(await blobs.put(key, bytes)).toBe(bytes.byteLength);
      expect(digest(await readAll((await blobs.get(key))!.body))).toBe(digest(bytes));
    }
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

  test('a blob comes in parts, in any order, and is there when it is complete', async () => {
    const key = randomUUID();
    const bytes = randomBytes(2 * BLOB_PART_BYTES + 5);
    const attempt = { key, attempt: await blobs.beginParts(key) };
    const put = (number: number) => {
      const start = (number - 1) * BLOB_PART_BYTES;
      return blobs.putPart(attempt, {
        number,
        body: bytes.subarray(start, start + BLOB_PART_BYTES),
      });
    };
    const [third, first] = await Promise.all([put(3), put(1)]);
    expect(await blobs.get(key)).toBeUndefined();
    const tags = [first, await put(2), third];
    await blobs.completeParts(attempt, tags);
    expect(digest(await readAll((await blobs.get(key))!.body))).toBe(digest(bytes));
    await blobs.completeParts(attempt, tags);
    await blobs.abortParts(attempt);
    expect((await blobs.get(key))?.size).toBe(bytes.byteLength);
  });

  test('a part that is put again takes the place of the first, also when it is shorter', async () => {
    const key = randomUUID();
    const attempt = { key, attempt: await blobs.beginParts(key) };
    await blobs.putPart(attempt, { number: 1, body: randomBytes(1000) });
    const body = randomBytes(10);
    await blobs.completeParts(attempt, [await blobs.putPart(attempt, { number: 1, body })]);
    expect(await readAll((await blobs.get(key))!.body)).toEqual(body);
  });

  test('parts that were aborted are gone, and nothing can be made of them', async () => {
    const key = randomUUID();
    const attempt = { key, attempt: await blobs.beginParts(key) };
    const part = { number: 1, body: randomBytes(10) };
    const tag = await blobs.putPart(attempt, part);
    await blobs.abortParts(attempt);
    await blobs.abortParts(attempt);
    await expect(blobs.putPart(attempt, part)).rejects.toThrow(PartsGoneError);
    await expect(blobs.completeParts(attempt, [tag])).rejects.toThrow(PartsGoneError);
    expect(await blobs.get(key)).toBeUndefined();
  });

  test('what is unfinished is listed with its beginning, until it is complete or aborted', async () => {
    const attempts: PartsAttempt[] = [];
    for (const key of [randomUUID(), randomUUID()]) {
      attempts.push({ key, attempt: await blobs.beginParts(key) });
    }
    const [completed, aborted] = attempts;
    const listed = async () => {
      const ours = [];
      for await (const { begunAt, ...attempt } of blobs.listUnfinished()) {
        if (!attempts.some(({ key }) => key === attempt.key)) continue;
        expect(Math.abs(Date.now() - begunAt.getTime())).toBeLessThan(60_000);
        ours.push(attempt);
      }
      return ours;
    };
    const byKey = (a: { key: string }, b: { key: string }) => (a.key < b.key ? -1 : 1);
    expect((await listed()).sort(byKey)).toEqual(attempts.toSorted(byKey));
    await blobs.completeParts(completed!, [
      await blobs.putPart(completed!, { number: 1, body: randomBytes(10) }),
    ]);
    await blobs.abortParts(aborted!);
    expect(await listed()).toEqual([]);
  });

  test('all blobs are listed with the time of their storing, and nothing unfinished is', async () => {
    const keys: string[] = [randomUUID(), randomUUID(), randomUUID()];
    for (const key of keys) await blobs.put(key, streamOf(randomBytes(10)));
    const unfinished: string = randomUUID();
    await blobs.beginParts(unfinished);
    const listed = new Map<string, Date>();
    for await (const { key, modifiedAt } of blobs.list()) listed.set(key, modifiedAt);
    for (const key of keys) {
      const modifiedAt = listed.get(key) ?? new Date(0);
      expect(Math.abs(Date.now() - modifiedAt.getTime())).toBeLessThan(60_000);
    }
    expect(listed.has(unfinished)).toBe(false);
  });

  test('blobs are listed in the order of their keys, from anywhere on', async () => {
    const keys: string[] = Array.from({ length: 5 }, () => randomUUID()).sort();
    for (const key of keys.toReversed()) await blobs.put(key, streamOf(randomBytes(1)));
    const listed = [];
    for await (const { key } of blobs.list(keys[1])) listed.push(key);
    expect(listed).toEqual(listed.toSorted());
    expect(listed.filter((key) => keys.includes(key))).toEqual(keys.slice(2));
  });

  test('only a UUID is a key', async () => {
    for (const key of ['', '../secret', 'a/b', randomUUID().toUpperCase(), `${randomUUID()}/x`]) {
      await expect((async () => blobs.get(key))()).rejects.toThrow(TypeError);
      await expect((async () => blobs.put(key, streamOf(randomBytes(1))))()).rejects.toThrow(
        TypeError,
      );
      await expect((async () => blobs.delete(key))()).rejects.toThrow(TypeError);
      await expect((async () => blobs.beginParts(key))()).rejects.toThrow(TypeError);
      await expect((async () => blobs.abortParts({ key, attempt: 'x' }))()).rejects.toThrow(
        TypeError,
      );
    }
  });
}
