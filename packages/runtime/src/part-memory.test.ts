import { randomBytes, randomUUID } from 'node:crypto';
import { afterEach, expect, test, vi } from 'vitest';
import { cutParts } from './body-parts.ts';
import { BLOB_PART_BYTES, PART_MEASURE_MS, PART_WAIT_MS } from './limits.ts';
import { createPartMemory, type PartBuffer, type PartMemory } from './part-memory.ts';

const MIB = 1024 * 1024;

/** The least there can be: an eighth is for small bodies. */
const LEAST = (BLOB_PART_BYTES * 8) / 7;

/** For an owner of its own, unless one is named. */
function open(memory: PartMemory, onGivenUp = () => {}, owner: string = randomUUID()): PartBuffer {
  return memory.open({ owner, onGivenUp });
}

const megabytes = (count: number) => new Uint8Array(count * MIB);

afterEach(() => {
  vi.useRealTimers();
});

test('a part holds what came, up to its size', async () => {
  const memory = createPartMemory(LEAST);
  const part = open(memory);
  const bytes = randomBytes(BLOB_PART_BYTES + 100);
  for (let at = 0; at < BLOB_PART_BYTES; ) {
    at += await part.append(bytes.subarray(at, at + 70_001));
  }
  expect(await part.append(bytes)).toBe(0);
  expect(Buffer.compare(part.finish(), bytes.subarray(0, BLOB_PART_BYTES))).toBe(0);
  await expect(part.append(bytes)).rejects.toThrow(TypeError);
  part.release();
  part.release();
  expect(memory.state()).toEqual({ bytes: 0, waiting: 0 });
});

test('a hundred parts of little take little', async () => {
  const memory = createPartMemory(96 * MIB);
  const parts = Array.from({ length: 100 }, () => open(memory));
  for (const part of parts) await part.append(new Uint8Array(10_000));
  expect(memory.state().bytes).toBeLessThan(7 * MIB);
  for (const part of parts) part.release();
});

test('many bodies get through memory for one part, and each in its own order', async () => {
  const memory = createPartMemory(LEAST + 300_000);
  const bodies = Array.from({ length: 8 }, (_, seed) => {
    let left = 90;
    return new ReadableStream<Uint8Array>({
      async pull(controller) {
        await new Promise(setImmediate);
        if (left === 0) return controller.close();
        controller.enqueue(new Uint8Array(64 * 1024).fill(seed + left--));
      },
    });
  });
  const sizes = bodies.map(async (body, seed) => {
    let size = 0;
    for await (const part of cutParts(body, memory, `${seed}`)) {
      expect(memory.state().bytes).toBeLessThanOrEqual(LEAST + 300_000);
      await new Promise(setImmediate);
      for (let at = 0; at < part.byteLength; at += 64 * 1024) {
        expect(part[at]).toBe(seed + 90 - (size + at) / (64 * 1024));
      }
      size += part.byteLength;
    }
    return size;
  });
  expect(await Promise.all(sizes)).toEqual(bodies.map(() => 90 * 64 * 1024));
  expect(memory.state()).toEqual({ bytes: 0, waiting: 0 });
});

test('who waits in vain is told so, and holds nobody up', async () => {
  vi.useFakeTimers();
  const memory = createPartMemory(LEAST);
  const first = open(memory);
  await first.append(megabytes(5));
  first.finish();
  const second = open(memory);
  const refused = expect(second.append(megabytes(1))).rejects.toMatchObject({
    code: 'service.unavailable',
  });
  await vi.advanceTimersByTimeAsync(PART_WAIT_MS);
  await refused;
  expect(memory.state().waiting).toBe(0);
  first.release();
  expect(await second.append(megabytes(1))).toBe(MIB);
});

test('trickles that others wait for are given up, and who comes at speed or waits is not', async () => {
  vi.useFakeTimers();
  const memory = createPartMemory(3 * LEAST);
  const givenUp: string[] = [];
  const begin = async (name: string, bytes: number) => {
    const part = open(memory, () => givenUp.push(name));
    await part.append(new Uint8Array(bytes));
    return part;
  };
  const trickle = await begin('trickle', 4 * MIB);
  const fast = await begin('fast', 3 * MIB);
  const sent = await begin('sent', 4 * MIB);
  sent.finish();
  await vi.advanceTimersByTimeAsync(10 * PART_MEASURE_MS);
  expect(givenUp).toEqual([]);
  const waiting = begin('waiting', 4 * MIB);
  while (givenUp.length === 0) {
    await fast.append(new Uint8Array(100_000));
    await trickle.append(new Uint8Array(1));
    await vi.advanceTimersByTimeAsync(PART_MEASURE_MS / 4);
  }
  expect(givenUp).toEqual(['trickle']);
  await expect(trickle.append(megabytes(1))).rejects.toMatchObject({ code: 'request.timeout' });
  expect(() => trickle.finish()).toThrow('this body is slow');
  trickle.release();
  await waiting;
  expect(memory.state().waiting).toBe(0);
});

test('who waits is served before who comes later, also when that one wants less', async () => {
  const memory = createPartMemory(LEAST);
  const sent = open(memory);
  await sent.append(megabytes(5));
  sent.finish();
  const order: string[] = [];
  const ask = async (name: string, bytes: number) => {
    const part = open(memory);
    await part.append(new Uint8Array(bytes));
    order.push(name);
    part.finish();
    part.release();
  };
  const asked = [ask('large', 4 * MIB), ask('little', 200_000), ask('tiny', 1000)];
  await asked[2];
  sent.release();
  await Promise.all(asked);
  expect(order).toEqual(['tiny', 'large', 'little']);
});

test('small bodies do not wait for large ones', async () => {
  const memory = createPartMemory(LEAST);
  const large = open(memory);
  await large.append(megabytes(3));
  const others = Array.from({ length: 10 }, () => open(memory));
  for (const other of others) expect(await other.append(new Uint8Array(60_000))).toBe(60_000);
  expect(memory.state().waiting).toBe(0);
});

test('a body that is given up ends at once, whatever its sender does', async () => {
  vi.useFakeTimers();
  const memory = createPartMemory(LEAST);
  const cancel = vi.fn();
  const trickle = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(new Uint8Array(100_000)),
    cancel,
  });
  const reading = expect(cutParts(trickle, memory, 'an owner').next()).rejects.toMatchObject({
    code: 'request.timeout',
  });
  await vi.advanceTimersByTimeAsync(1);
  const part = open(memory);
  const waiting = part.append(megabytes(5));
  await vi.advanceTimersByTimeAsync(2 * PART_MEASURE_MS);
  await reading;
  expect(cancel).toHaveBeenCalled();
  expect(await waiting).toBe(BLOB_PART_BYTES);
});

test('one owner has a quarter of the memory, and others get theirs while it waits', async () => {
  const memory = createPartMemory(96 * MIB);
  const greedy = Array.from({ length: 60 }, () => open(memory, undefined, 'greedy'));
  for (const part of greedy) void part.append(new Uint8Array(MIB * 2.5 + 1)).catch(() => {});
  const small = Array.from({ length: 60 }, () => open(memory, undefined, 'greedy'));
  for (const part of small) void part.append(new Uint8Array(1)).catch(() => {});
  expect(memory.state().bytes).toBeLessThanOrEqual(24 * MIB);
  const { waiting } = memory.state();
  expect(waiting).toBeGreaterThan(60);
  const others = Array.from({ length: 8 }, () => open(memory));
  for (const other of others) expect(await other.append(megabytes(5))).toBe(BLOB_PART_BYTES);
  for (let count = 0; count < 100; count++) await open(memory).append(new Uint8Array(1));
  expect(memory.state().waiting).toBe(waiting);
});

test("an owner's own bodies fill its share one after the other", async () => {
  const memory = createPartMemory(3 * LEAST);
  const order: number[] = [];
  const parts = Array.from({ length: 6 }, async (_, number) => {
    const part = open(memory, undefined, 'one');
    for (let filled = 0; filled < BLOB_PART_BYTES; ) {
      filled += await part.append(new Uint8Array(64 * 1024));
    }
    order.push(number);
    part.finish();
    await new Promise(setImmediate);
    part.release();
  });
  await Promise.all(parts);
  expect(order.toSorted()).toEqual([0, 1, 2, 3, 4, 5]);
  expect(memory.state()).toEqual({ bytes: 0, waiting: 0 });
});

test('bodies that hold next to nothing are not given up in place of those that hold it all', async () => {
  vi.useFakeTimers();
  const memory = createPartMemory(4 * LEAST);
  const givenUp: string[] = [];
  const hogs = Array.from({ length: 4 }, () => {
    const part: PartBuffer = open(memory, () => {
      givenUp.push('hog');
      queueMicrotask(() => part.release());
    });
    return part;
  });
  for (const hog of hogs) await hog.append(megabytes(4));
  const decoys = Array.from({ length: 40 }, () => open(memory, () => givenUp.push('decoy')));
  for (const decoy of decoys) await decoy.append(new Uint8Array(1));
  const trickle = async (seconds: number) => {
    for (let second = 0; second < seconds; second++) {
      for (const hog of hogs) await hog.append(new Uint8Array(2300)).catch(() => {});
      await vi.advanceTimersByTimeAsync(1000);
    }
  };
  const first = open(memory).append(megabytes(5));
  await trickle(PART_MEASURE_MS / 1000 + 2);
  expect(givenUp).toEqual(['hog']);
  expect(await first).toBe(BLOB_PART_BYTES);
});

test('who was measured to be slow is given up for whoever waits next, without another measure', async () => {
  vi.useFakeTimers();
  const memory = createPartMemory(4 * LEAST);
  const begin = async (owner: string) => {
    const part: PartBuffer = open(memory, () => queueMicrotask(() => part.release()), owner);
    await part.append(megabytes(5));
    return part;
  };
  // While it waits for its own other part, all are measured.
  (await begin('patient')).finish();
  const patient = begin('patient');
  for (const owner of ['slow', 'slower', 'slowest']) await begin(owner);
  await vi.advanceTimersByTimeAsync(2 * PART_MEASURE_MS);
  for (const owner of ['one', 'two']) {
    const served = begin(owner);
    await vi.advanceTimersByTimeAsync(PART_MEASURE_MS / 4 + 1);
    expect(await served).toBeDefined();
  }
  const refused = expect(patient).rejects.toMatchObject({ code: 'service.unavailable' });
  await vi.advanceTimersByTimeAsync(PART_WAIT_MS);
  await refused;
});

test("who waits for its own share ends no other owner's bodies", async () => {
  vi.useFakeTimers();
  const memory = createPartMemory(4 * LEAST);
  const givenUp: string[] = [];
  const other = open(memory, () => givenUp.push('other'));
  await other.append(megabytes(4));
  const own = open(memory, () => givenUp.push('own'), 'one');
  await own.append(megabytes(4));
  const waiting = open(memory, undefined, 'one').append(megabytes(1));
  await vi.advanceTimersByTimeAsync(PART_MEASURE_MS * 2);
  expect(givenUp).toEqual(['own']);
  own.release();
  expect(await waiting).toBe(MIB);
});
