import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PLAIN_FILE_BYTES_MAX, paddedLength, padStream, unpadStream } from './padded-stream.ts';

const streamOf = (...parts: Uint8Array[]) =>
  new ReadableStream<Uint8Array>({
    start(controller) {
      for (const part of parts) controller.enqueue(part);
      controller.close();
    },
  });
const read = async (stream: ReadableStream<Uint8Array>) =>
  new Uint8Array(
    await new Blob(await Array.fromAsync(stream, (part) => part.slice())).arrayBuffer(),
  );

test('padding adds at most an eighth above the smallest class, and never exceeds the limit', () => {
  fc.assert(
    fc.property(fc.nat(PLAIN_FILE_BYTES_MAX), (size) => {
      const padded = paddedLength(size);
      expect(padded).toBeGreaterThanOrEqual(size);
      expect(padded).toBeLessThanOrEqual(Math.max(4096, PLAIN_FILE_BYTES_MAX, size));
      if (size > 4096) expect(padded / size).toBeLessThan(1.125);
      expect(paddedLength(padded)).toBe(padded);
    }),
  );
});

test('there are few size classes: below a mebibyte fewer than two hundred', () => {
  const classes = new Set(Array.from({ length: 2048 }, (_, index) => paddedLength(index * 512)));
  expect(classes.size).toBeLessThan(200);
});

test.each([-1, 0.5, Number.NaN, PLAIN_FILE_BYTES_MAX + 1])('%d is no size of a file', (size) => {
  expect(() => paddedLength(size)).toThrow(expect.objectContaining({ code: 'file.size' }));
});

test('what is padded comes back, however it was cut', async () => {
  const parts = fc.array(fc.uint8Array({ maxLength: 3000 }), { maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(parts, fc.integer({ min: 1, max: 9000 }), async (pieces, cut) => {
      const original = await read(streamOf(...pieces));
      const padded = await read(streamOf(...pieces).pipeThrough(padStream(original.length)));
      expect(padded.length).toBe(paddedLength(original.length));
      const halves = streamOf(padded.slice(0, cut), padded.slice(cut));
      expect(await read(unpadStream(halves, original.length))).toEqual(original);
    }),
    { numRuns: 30 },
  );
});

test.each([0, 9, 11])('a file of 10 bytes that gives %d is refused', async (length) => {
  const padding = streamOf(new Uint8Array(length)).pipeThrough(padStream(10));
  await expect(read(padding)).rejects.toMatchObject({ code: 'file.size' });
});

test('padding that is cut, longer or not zero is noticed', async () => {
  const good = await read(streamOf(Uint8Array.of(1, 2, 3)).pipeThrough(padStream(3)));
  const longer = new Uint8Array(good.length + 1);
  longer.set(good);
  const bad = [good.slice(0, -1), longer, good.with(100, 1), new Uint8Array()];
  for (const padded of bad) {
    await expect(read(unpadStream(streamOf(padded), 3))).rejects.toMatchObject({
      code: 'file.damaged',
    });
  }
});
