import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { closeFrame, FrameTracker } from './frame-tracker.ts';

/** A message as RFC 6455, 5.2 has it. */
function frameOf(length: number, isMasked: boolean): Buffer {
  const extended = Buffer.alloc(length > 65_535 ? 8 : length > 125 ? 2 : 0);
  if (extended.length > 0)
    extended.writeUIntBE(length, Math.max(0, extended.length - 6), Math.min(6, extended.length));
  const short = [length, 126, 127][[0, 2, 8].indexOf(extended.length)] ?? 0;
  const head = Buffer.from([0x82, short | (isMasked ? 0x80 : 0)]);
  return Buffer.concat([head, extended, randomBytes(isMasked ? 4 : 0), randomBytes(length)]);
}

test('between frames is where one has ended and none has begun, however the stream is cut', () => {
  const lengths = fc.array(fc.constantFrom(0, 1, 125, 126, 127, 300, 65_535, 65_536, 70_000), {
    minLength: 1,
    maxLength: 5,
  });
  const cuts = fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 20 });
  fc.assert(
    fc.property(lengths, cuts, fc.boolean(), (sizes, places, isMasked) => {
      const frames = sizes.map((size) => frameOf(size, isMasked));
      const stream = Buffer.concat(frames);
      let end = 0;
      const ends = new Set([0, ...frames.map(({ length }) => (end += length))]);
      const positions = [...new Set(places.map((place) => Math.floor(place * stream.length)))];
      const tracker = new FrameTracker();
      let at = 0;
      for (const next of [...positions.toSorted((a, b) => a - b), stream.length]) {
        tracker.push(stream.subarray(at, next));
        at = next;
        expect(tracker.isBetweenFrames).toBe(ends.has(at));
      }
    }),
    { numRuns: 200 },
  );
});

test('a head is followed byte by byte', () => {
  const tracker = new FrameTracker();
  const frame = frameOf(300, false);
  for (const [at, byte] of frame.entries()) {
    expect(tracker.isBetweenFrames).toBe(at === 0);
    tracker.push(Uint8Array.of(byte));
  }
  expect(tracker.isBetweenFrames).toBe(true);
});

test('the frame that ends a connection has its code and nothing else', () => {
  expect(closeFrame(4005)).toEqual(Uint8Array.of(0x88, 2, 0x0f, 0xa5));
});
