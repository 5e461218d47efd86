import { BLOB_PART_BYTES } from '@sotto/runtime';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  advance,
  fillsPart,
  offsetOf,
  type Progress,
  partStart,
  roomOf,
  toJoin,
  withPart,
  withPiece,
} from './resumable-state.ts';

let keys = 0;
const begun = (length: number): Progress => ({ length, tags: [], pieces: [] });

/** What a request makes of its bytes; gives how many were written for that. */
function bring(from: Progress, size: number): { progress: Progress; written: number } {
  let progress = from;
  let written = 0;
  for (let left = size; left > 0; ) {
    const some = Math.min(left, roomOf(progress));
    left -= some;
    written += some;
    if (progress.pieces.length === 0 && some === roomOf(progress)) {
      progress = withPart(progress, 'tag');
      continue;
    }
    progress = withPiece(progress, piece(offsetOf(progress), some));
    const joined = toJoin(progress);
    const [first] = joined;
    if (first === undefined) continue;
    const sum = joined.reduce((sum, { size }) => sum + size, 0);
    written += sum;
    progress = fillsPart(progress)
      ? withPart(progress, 'tag')
      : withPiece(progress, piece(first.start, sum));
  }
  return { progress, written };
}

const piece = (start: number, size: number) => ({ start, size, blobKey: `key ${++keys}` });

/** Sizes of requests, from single bytes to several parts. */
const sizes = fc.array(
  fc.oneof(
    fc.integer({ min: 1, max: 20 }),
    fc.integer({ min: 1, max: 70_000 }),
    fc.integer({ min: 1, max: 3 * BLOB_PART_BYTES }),
  ),
  { minLength: 1, maxLength: 60 },
);

describe('an upload', () => {
  test('stands where its requests have brought it, with its pieces behind the last part and no gap', () => {
    fc.assert(
      fc.property(sizes, (all) => {
        const length = all.reduce((sum, size) => sum + size, 0);
        let progress = begun(length);
        let offset = 0;
        for (const size of all) {
          ({ progress } = bring(progress, size));
          offset += size;
          expect(offsetOf(progress)).toBe(offset);
          let end = partStart(progress);
          for (const { start, size } of progress.pieces) {
            expect(start).toBe(end);
            end += size;
          }
          expect(roomOf(progress)).toBe(
            Math.min(partStart(progress) + BLOB_PART_BYTES, length) - offset,
          );
        }
        expect(progress.pieces).toEqual([]);
        expect(progress.tags).toHaveLength(Math.ceil(length / BLOB_PART_BYTES));
      }),
    );
  });

  test('in requests of any size has few pieces, and each byte is written a few times', () => {
    const log2 = Math.ceil(Math.log2(BLOB_PART_BYTES));
    fc.assert(
      fc.property(sizes, fc.integer({ min: 1, max: 40 }), (all, times) => {
        const requests = Array.from({ length: times }, () => all).flat();
        const length = requests.reduce((sum, size) => sum + size, 0);
        let progress = begun(length + BLOB_PART_BYTES);
        let written = 0;
        for (const size of requests) {
          const brought = bring(progress, size);
          ({ progress } = brought);
          written += brought.written;
          expect(progress.pieces.length).toBeLessThanOrEqual(log2 + 2);
        }
        expect(written).toBeLessThanOrEqual(length * 2 * log2);
      }),
      { numRuns: 30 },
    );
  });

  test('of ten thousand requests of one byte has a dozen pieces', () => {
    let progress = begun(BLOB_PART_BYTES);
    let written = 0;
    for (let count = 0; count < 10_000; count++) {
      const brought = bring(progress, 1);
      ({ progress } = brought);
      written += brought.written;
    }
    expect(progress.pieces.length).toBeLessThanOrEqual(14);
    expect(written).toBeLessThan(10_000 * 16);
  });

  test('writes down what is new, and what is in something else by now', () => {
    const from = withPiece(begun(3 * BLOB_PART_BYTES), { start: 0, size: 9, blobKey: 'a' });
    const to = withPiece(withPart(from, 'tag'), {
      ...{ start: BLOB_PART_BYTES, size: 5, blobKey: 'b' },
    });
    expect(advance(from, to)).toEqual({
      tags: ['tag'],
      firstPart: 1,
      added: [{ start: BLOB_PART_BYTES, size: 5, blobKey: 'b' }],
      removed: [{ start: 0, size: 9, blobKey: 'a' }],
    });
    expect(advance(to, to)).toEqual({ tags: [], firstPart: 2, added: [], removed: [] });
  });
});
