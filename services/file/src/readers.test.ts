import { UserId } from '@sotto/api';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createReaders, paceReader } from './readers.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const CHUNK = 64 * 1024;

function endless(cancel = vi.fn()): ReadableStream<Uint8Array> {
  return new ReadableStream(
    { pull: (controller) => controller.enqueue(new Uint8Array(CHUNK)), cancel },
    { highWaterMark: 0 },
  );
}

/** Reads a lump at once and then as long nothing as the lump lasts at this rate; gives how many lumps it got. */
async function read(bytesPerSecond: number, { chunks, lumps }: { chunks: number; lumps: number }) {
  const reader = paceReader(endless(), () => undefined).getReader();
  for (let lump = 0; lump < lumps; lump++) {
    try {
      for (let chunk = 0; chunk < chunks; chunk++) await reader.read();
    } catch {
      return lump;
    }
    await vi.advanceTimersByTimeAsync((chunks * CHUNK * 1000) / bytesPerSecond);
  }
  return lumps;
}

test('a reader of 2 KiB a second gets all, in small lumps and large ones', async () => {
  expect(await read(2048, { chunks: 1, lumps: 500 })).toBe(500);
  expect(await read(2048, { chunks: 16, lumps: 50 })).toBe(50);
});

test('a reader that is slower than any network is broken off', async () => {
  expect(await read(700, { chunks: 1, lumps: 100 })).toBeLessThan(3);
});

test('a reader that takes nothing is broken off, its source let go and its end told', async () => {
  const cancel = vi.fn();
  const onEnd = vi.fn();
  const reader = paceReader(endless(cancel), onEnd).getReader();
  const closed = expect(reader.closed).rejects.toMatchObject({ code: 'request.timeout' });
  await vi.advanceTimersByTimeAsync(30_000);
  await closed;
  expect(cancel).toHaveBeenCalledOnce();
  expect(onEnd).toHaveBeenCalledOnce();
});

test('what the store does not give in time is its fault, not the slowness of the reader', async () => {
  const cancel = vi.fn();
  const reader = paceReader(new ReadableStream({ cancel }), () => undefined).getReader();
  const read = expect(reader.read()).rejects.toMatchObject({ code: 'service.unavailable' });
  await vi.advanceTimersByTimeAsync(60_000);
  await read;
  expect(cancel).toHaveBeenCalledOnce();
});

test('a user has a few transfers at one time, and another one when one ends', () => {
  const readers = createReaders();
  const one = UserId.parse('0198c5d2-0000-7000-8000-000000000001');
  const other = UserId.parse('0198c5d2-0000-7000-8000-000000000002');
  const ends = Array.from({ length: 8 }, () => readers.begin(one));
  expect(() => readers.begin(one)).toThrow(expect.objectContaining({ code: 'rate.limited' }));
  readers.begin(other);
  ends[0]?.();
  ends[0]?.();
  readers.begin(one);
  expect(() => readers.begin(one)).toThrow(expect.objectContaining({ code: 'rate.limited' }));
});
