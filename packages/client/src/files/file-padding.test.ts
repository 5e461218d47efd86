import { FILE_BYTES_MAX } from '@sotto/api';
import { decryptedFileLength } from '@sotto/crypto/files';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { PLAIN_FILE_BYTES_MAX } from '../limits.ts';
import { pad, paddedLength, paddedLengthBefore } from './file-padding.ts';

const streamOf = (...parts: Uint8Array[]) =>
  new ReadableStream<Uint8Array>({
    start(controller) {
      for (const part of parts) controller.enqueue(part);
      controller.close();
    },
  });
const read = async (stream: AsyncIterable<Uint8Array>) =>
  new Uint8Array(
    await new Blob(await Array.fromAsync(stream, (part) => part.slice())).arrayBuffer(),
  );

test('padding adds at most a twentieth above the smallest class, and never exceeds the limit', () => {
  fc.assert(
    fc.property(fc.nat(PLAIN_FILE_BYTES_MAX), (size) => {
      const padded = paddedLength(size);
      expect(padded).toBeGreaterThanOrEqual(size);
      expect(padded).toBeLessThanOrEqual(PLAIN_FILE_BYTES_MAX);
      if (size > 4096) expect(padded / size).toBeLessThanOrEqual(1.05);
      expect(paddedLength(padded)).toBe(padded);
    }),
  );
  expect(paddedLength(PLAIN_FILE_BYTES_MAX)).toBe(decryptedFileLength(FILE_BYTES_MAX));
});

test('there are 210 size classes, and they stay what they are: a reader computes them from the size', () => {
  const classes = [4096];
  while (classes.at(-1)! < PLAIN_FILE_BYTES_MAX) classes.push(paddedLength(classes.at(-1)! + 1));
  expect(classes).toHaveLength(210);
  expect(classes.slice(0, 4)).toEqual([4096, 4300, 4515, 4740]);
  expect(classes.slice(-3)).toEqual([99_452_799, 104_425_438, 104_857_600]);
});

test('files of early messages have the classes that they had', () => {
  const sizes = [0, 4097, 100_000, 1_000_001, PLAIN_FILE_BYTES_MAX];
  expect(sizes.map(paddedLengthBefore)).toEqual([4096, 4352, 100_352, 1_015_808, 104_857_600]);
});

test.each([-1, 0.5, Number.NaN, PLAIN_FILE_BYTES_MAX + 1])('%d is no size of a file', (size) => {
  for (const length of [paddedLength, paddedLengthBefore])
    expect(() => length(size)).toThrow(expect.objectContaining({ code: 'file.size' }));
});

test('a file is passed as it is, and zeros after it', async () => {
  const parts = fc.array(fc.uint8Array({ maxLength: 3000 }), { maxLength: 5 });
  await fc.assert(
    fc.asyncProperty(parts, async (pieces) => {
      const original = await read(streamOf(...pieces));
      const lengths = { size: original.length, padded: paddedLength(original.length) };
      const padded = await read(pad(streamOf(...pieces), lengths));
      expect(padded.subarray(0, original.length)).toEqual(original);
      expect(padded.subarray(original.length)).toEqual(
        new Uint8Array(lengths.padded - original.length),
      );
    }),
    { numRuns: 30 },
  );
});

test.each([0, 9, 11])('a file of 10 bytes that gives %d is refused', async (length) => {
  const padding = pad(streamOf(new Uint8Array(length)), { size: 10, padded: 4096 });
  await expect(read(padding)).rejects.toMatchObject({ code: 'file.size' });
});
