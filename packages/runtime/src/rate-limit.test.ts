import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { Counters } from './counters.ts';
import { createMemoryCounters } from './counters-memory.ts';
import { openRedisCounters } from './counters-redis.ts';
import { LIMITER_MEMORY_KEYS_MAX } from './limits.ts';
import { createMetrics } from './metrics.ts';
import { limitersContract, passes, refusal } from './rate-limit.contract.ts';
import { createLimiters, type LimitRule } from './rate-limit.ts';
import { freePort, testRedis } from './testing.ts';

describe('limits in this process', () => {
  limitersContract(async () => createMemoryCounters());

  test('a flood of keys forgets those that were used longest ago', {
    timeout: 30_000,
  }, async () => {
    const counters = createMemoryCounters();
    onTestFinished(() => counters.close());
    const limit = limiterOver(counters, { points: 1 });
    await limit.take('victim');
    await limit.take('idle');
    for (let number = 0; number < LIMITER_MEMORY_KEYS_MAX - 1; number++) {
      await limit.take(String(number));
      if (number % 1_000 === 0) await refusal(limit.take('victim'));
    }
    await refusal(limit.take('victim'));
    await limit.take('idle');
  });
});

describe('limits in Redis', () => {
  limitersContract(() => openRedisCounters(testRedis()));

  test('500 takes over three processes against 10 points: exactly 10 pass', async () => {
    const corner = testRedis();
    const processes = await Promise.all(
      Array.from({ length: 3 }, async () => limiterOver(await opened(corner), { points: 10 })),
    );
    const takes = Array.from({ length: 500 }, (_, turn) => {
      return passes(processes[turn % 3]?.take('one user') ?? Promise.reject());
    });
    expect((await Promise.all(takes)).filter(Boolean)).toHaveLength(10);
  });

  test('keys are kept as digests, and end with their window', async () => {
    const corner = testRedis();
    const limit = limiterOver(await opened(corner), { points: 1, windowMs: 1_000 });
    await limit.take('alice@example.org');
    const { Redis } = await import('ioredis');
    const redis = new Redis(corner.url);
    onTestFinished(() => redis.disconnect());
    const keys = await redis.keys(`${corner.prefix}*`);
    expect(keys).toHaveLength(1);
    expect(keys[0]).not.toContain('alice');
    await vi.waitFor(async () => expect(await redis.keys(`${corner.prefix}*`)).toEqual([]), 20_000);
  });
});

describe('limits while Redis is gone', () => {
  test.each([
    ['hangs', 'SIGSTOP'],
    ['is killed', 'SIGKILL'],
  ] as const)(
    'when it %s an open limit goes on with points of its own and a closed one refuses, within 2 s, and both come back',
    { timeout: 30_000 },
    async (_, signal) => {
      const redis = await startRedis();
      const counters = await opened({ url: redis.url, prefix: 'test:' });
      const open = limiterOver(counters, { points: 2, whenGone: 'open' }, 'open');
      const closed = limiterOver(counters, { points: 2, whenGone: 'closed' }, 'closed');
      await Promise.all([open.take('a'), closed.take('a')]);

      redis.end(signal);
      // One after the other, as one request asks several limits: only the first waits.
      const started = performance.now();
      expect((await open.take('a')).remaining).toBe(1);
      await expect(closed.take('a')).rejects.toMatchObject({
        code: 'service.unavailable',
        options: { retryAfter: 1 },
      });
      await open.take('a');
      await refusal(open.take('a'));
      expect(performance.now() - started).toBeLessThan(2_000);

      await redis.revive();
      await vi.waitFor(() => closed.check('a'), { timeout: 10_000, interval: 50 });
      await closed.take('b');
      await open.take('b', 2);
      await refusal(open.take('b'));
    },
  );

  test('every decision is counted, and by whom', async () => {
    const redis = await startRedis();
    const counters = await opened({ url: redis.url, prefix: 'test:' });
    const metrics = createMetrics('test');
    const limit = createLimiters({ counters, metrics }).limiter('door', {
      points: 1,
      windowMs: 60_000,
      whenGone: 'open',
    });
    await limit.take('a');
    await refusal(limit.take('a'));
    redis.end('SIGKILL');
    await limit.take('a');
    const text = await metrics.text();
    for (const [decision, counted] of [
      ['allowed', 'shared'],
      ['refused', 'shared'],
      ['allowed', 'own'],
    ]) {
      expect(text).toContain(
        `sotto_limiter_decisions_total{limiter="door",decision="${decision}",counted="${counted}",service="test"} 1`,
      );
    }
  });
});

function limiterOver(counters: Counters, rule: Partial<LimitRule>, name = 'test') {
  const limiters = createLimiters({ counters, metrics: createMetrics('test') });
  return limiters.limiter(name, { points: 3, windowMs: 60_000, whenGone: 'closed', ...rule });
}

async function opened(corner: { url: string; prefix: string }): Promise<Counters> {
  const counters = await openRedisCounters(corner);
  onTestFinished(() => counters.close());
  await vi.waitFor(() => counters.ping(), 20_000);
  return counters;
}

/** A server of the test's own, to be stopped and started. */
async function startRedis() {
  const directory = mkdtempSync(join(tmpdir(), 'redis '));
  const port = await freePort();
  const start = () =>
    spawn(
      'redis-server',
      ['--bind', '127.0.0.1', '--port', String(port), '--dir', directory, '--save', ''],
      { stdio: 'ignore' },
    );
  let server = start();
  onTestFinished(() => {
    server.kill('SIGKILL');
    rmSync(directory, { recursive: true });
  });
  let ended: NodeJS.Signals | undefined;
  return {
    url: `redis://127.0.0.1:${port}`,
    end(signal: 'SIGSTOP' | 'SIGKILL') {
      ended = signal;
      server.kill(signal);
    },
    async revive() {
      if (ended === 'SIGSTOP') server.kill('SIGCONT');
      else server = start();
    },
  };
}
