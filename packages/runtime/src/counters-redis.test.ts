import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { countersContract } from './counters.contract.ts';
import { openRedisCounters } from './counters-redis.ts';
import { REDIS_DEADLINE_MS } from './limits.ts';
import { cuttableWire, testRedis } from './testing.ts';

describe('the counters in Redis', () => {
  countersContract(() => openRedisCounters(testRedis()));

  test('two processes count together', async () => {
    const corner = testRedis();
    const [one, two] = await Promise.all([openRedisCounters(corner), openRedisCounters(corner)]);
    await one.increment('a', 60_000);
    expect((await two.increment('a', 60_000)).count).toBe(2);
    await Promise.all([one.close(), two.close()]);
  });

  test('a dead Redis rejects at once, and is used again when it is back', async () => {
    const { url, prefix } = testRedis();
    const wire = await cuttableWire(url);
    onTestFinished(() => wire.close());
    const counters = await openRedisCounters({ url: wire.url, prefix });
    onTestFinished(() => counters.close());
    await counters.increment('a', 60_000);
    wire.cut();
    await expect(counters.ping()).rejects.toMatchObject({ code: 'service.unavailable' });
    const started = performance.now();
    await expect(counters.increment('a', 60_000)).rejects.toMatchObject({
      code: 'service.unavailable',
    });
    expect(performance.now() - started).toBeLessThan(REDIS_DEADLINE_MS);
    wire.restore();
    await vi.waitFor(async () => {
      expect((await counters.increment('a', 60_000)).count).toBe(2);
    }, 20_000);
  });

  test('a Redis that is not up at the start is found later', async () => {
    const { url, prefix } = testRedis();
    const wire = await cuttableWire(url);
    onTestFinished(() => wire.close());
    wire.cut();
    const counters = await openRedisCounters({ url: wire.url, prefix });
    onTestFinished(() => counters.close());
    await expect(counters.claim('a', 1_000)).rejects.toMatchObject({ code: 'service.unavailable' });
    wire.restore();
    await vi.waitFor(async () => expect(await counters.claim('a', 60_000)).toBe(true), 20_000);
  });
});
