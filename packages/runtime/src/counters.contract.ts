/** What all counters promise, as tests; `counters-memory.test.ts` and `counters-redis.test.ts` run them. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Counters } from './counters.ts';

/** Runs the contract against the counters that `open` makes, new ones for each test. */
export function countersContract(open: () => Promise<Counters>): void {
  let counters: Counters;
  beforeEach(async () => {
    counters = await open();
  });
  afterEach(() => counters.close());

  test('a key is counted from one, apart from other keys', async () => {
    for (const count of [1, 2, 3]) {
      expect((await counters.increment('a', 60_000)).count).toBe(count);
    }
    expect((await counters.increment('b', 60_000)).count).toBe(1);
  });

  test('parallel counts are all counted, none twice', async () => {
    const counts = await Promise.all(
      Array.from({ length: 200 }, () => counters.increment('a', 60_000)),
    );
    const numbers = counts.map(({ count }) => count).sort((a, b) => a - b);
    expect(numbers).toEqual(Array.from({ length: 200 }, (_, index) => index + 1));
  });

  test('the window starts with the first count and is not prolonged by later ones', async () => {
    const first = await counters.increment('a', 300);
    expect(first.resetMs).toBeGreaterThan(200);
    expect(first.resetMs).toBeLessThanOrEqual(300);
    const second = await counters.increment('a', 60_000);
    expect(second.count).toBe(2);
    expect(second.resetMs).toBeLessThanOrEqual(300);
    await vi.waitFor(
      async () => expect((await counters.increment('a', 300)).count).toBe(1),
      20_000,
    );
  });

  test('reading a count adds nothing, and ends with the window', async () => {
    expect(await counters.read('a')).toBeUndefined();
    await counters.increment('a', 300);
    await counters.read('a');
    const read = await counters.read('a');
    expect(read?.count).toBe(1);
    expect(read?.resetMs).toBeGreaterThan(0);
    expect(read?.resetMs).toBeLessThanOrEqual(300);
    await vi.waitFor(async () => expect(await counters.read('a')).toBeUndefined(), 20_000);
  });

  test('of many who claim a key one gets it, until the claim ends', async () => {
    const claims = await Promise.all(Array.from({ length: 50 }, () => counters.claim('once', 300)));
    expect(claims.filter(Boolean)).toHaveLength(1);
    await vi.waitFor(async () => expect(await counters.claim('once', 300)).toBe(true), 20_000);
  });

  test('of many who take a text one gets it', async () => {
    await counters.put('ticket', 'text with ünïcode', 60_000);
    const takes = await Promise.all(Array.from({ length: 50 }, () => counters.take('ticket')));
    expect(takes.filter((text) => text !== undefined)).toEqual(['text with ünïcode']);
    expect(await counters.take('never put')).toBeUndefined();
  });

  test('a text put again replaces the old one, and ends', async () => {
    await counters.put('ticket', 'old', 60_000);
    await counters.put('ticket', '', 60_000);
    expect(await counters.take('ticket')).toBe('');
    await counters.put('ticket', 'short', 50);
    await new Promise((resolve) => setTimeout(resolve, 60));
    expect(await counters.take('ticket')).toBeUndefined();
  });

  test('counts, claims and texts of one name do not meet', async () => {
    await counters.increment('name', 60_000);
    expect(await counters.claim('name', 60_000)).toBe(true);
    await counters.put('name', 'text', 60_000);
    expect((await counters.increment('name', 60_000)).count).toBe(2);
    expect(await counters.take('name')).toBe('text');
  });

  test('it answers a ping', async () => {
    await counters.ping();
  });
}
