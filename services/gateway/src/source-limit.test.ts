import { createLimiters, createMemoryCounters, createMetrics, type Limiters } from '@sotto/runtime';
import { expect, test, vi } from 'vitest';
import { createSourceLimit, type SourceLimit } from './source-limit.ts';

const ADDRESS = '203.0.113.7';

/** A budget that tells how often it was asked. */
function setup(perMinute: number) {
  const counters = createMemoryCounters();
  const real = createLimiters({ counters, metrics: createMetrics('test') });
  const asked = vi.fn();
  const counting: Limiters = {
    limiter(name, rule) {
      const limiter = real.limiter(name, rule);
      return {
        ...limiter,
        take(key, points) {
          asked(points);
          return limiter.take(key, points);
        },
      };
    },
  };
  let now = Date.now();
  const limit = createSourceLimit(counting, perMinute, () => now);
  return {
    limit,
    asked,
    pass: (ms: number) => (now += ms),
    other: createSourceLimit(real, perMinute),
  };
}

async function passed(limit: SourceLimit, count: number, address = ADDRESS): Promise<number> {
  const tried = Array.from({ length: count }, async () => limit.take(address));
  const results = await Promise.allSettled(tried);
  for (const result of results) {
    if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'rate.limited' });
  }
  return results.filter(({ status }) => status === 'fulfilled').length;
}

test('a small budget is spent to the point, also when all come at once', async () => {
  const { limit } = setup(10);
  expect(await passed(limit, 500)).toBe(10);
});

test('two gateways spend one budget', async () => {
  const { limit, other } = setup(10);
  const both = await Promise.all([passed(limit, 250), passed(other, 250)]);
  expect(both[0] + both[1]).toBe(10);
});

test('a large budget is asked for by the hundredth, and spent to the point', async () => {
  const { limit, asked } = setup(1200);
  expect(await passed(limit, 1500)).toBe(1200);
  expect(asked).toHaveBeenCalledTimes(101);
  expect(asked).toHaveBeenCalledWith(12);
});

test('what is in hand passes without a wait', async () => {
  const { limit } = setup(1200);
  await limit.take(ADDRESS);
  expect(limit.take(ADDRESS)).toBeUndefined();
});

test('who was refused is refused for a second without asking', async () => {
  const { limit, asked, pass } = setup(1);
  await passed(limit, 2);
  const before = asked.mock.calls.length;
  expect(await passed(limit, 100)).toBe(0);
  expect(asked).toHaveBeenCalledTimes(before);
  pass(1_100);
  await passed(limit, 1);
  expect(asked).toHaveBeenCalledTimes(before + 1);
});

test('each /64 has a budget of its own', async () => {
  const { limit } = setup(1);
  expect(await passed(limit, 2, '2001:db8::1')).toBe(1);
  expect(await passed(limit, 2, '2001:db8::2')).toBe(0);
  expect(await passed(limit, 2, '2001:db8:0:1::1')).toBe(1);
});
