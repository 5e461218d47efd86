/** Counters in Redis, shared by all processes of a platform. */
import { Redis } from 'ioredis';
import type { Counters } from './counters.ts';
import { COUNTERS_DEADLINE_MS } from './limits.ts';
import type { Logger } from './log.ts';
import { unavailable } from './unavailable.ts';

export interface RedisCountersOptions {
  url: string;
  /** Before every key, so that several platforms can share a server. */
  prefix?: string;
  log?: Logger;
}

/**
 * Counts and sets the window's end in one step: a process that died between two steps would leave a key that never
 * ends. A key that has lost its end gets one again.
 */
const INCREMENT = `
local count = redis.call('INCR', KEYS[1])
local left = redis.call('PTTL', KEYS[1])
if left < 0 then
  redis.call('PEXPIRE', KEYS[1], ARGV[1])
  left = tonumber(ARGV[1])
end
return {count, left}
`;

/** Count and end of one moment: between two commands the window could end. */
const READ = `
local count = redis.call('GET', KEYS[1])
if not count then return false end
return {tonumber(count), redis.call('PTTL', KEYS[1])}
`;

/**
 * Connects, and keeps trying when Redis is not up: every call then rejects at once with `service.unavailable`, or
 * within a second when Redis does not answer. Whoever counts decides what that means. Close it.
 */
export async function openRedisCounters(options: RedisCountersOptions): Promise<Counters> {
  const { url, prefix = 'sotto:', log } = options;
  const redis = new Redis(url, {
    lazyConnect: true,
    keyPrefix: prefix,
    commandTimeout: COUNTERS_DEADLINE_MS,
    connectTimeout: COUNTERS_DEADLINE_MS,
    // A command neither waits for a connection nor is sent twice: a late count is a wrong count.
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    retryStrategy: (attempt) => Math.min(1_000, attempt * 50),
  });
  reportOutages(redis, log);
  // A failure is reported like every later one, and the client goes on trying.
  await redis.connect().catch(() => undefined);

  return {
    async increment(key, windowMs) {
      const answer = await ask(redis.eval(INCREMENT, 1, `n:${key}`, windowMs));
      const [count, resetMs] = answer as [number, number];
      return { count, resetMs };
    },
    async read(key) {
      const answer = (await ask(redis.eval(READ, 1, `n:${key}`))) as [number, number] | null;
      // A key that has lost its end has none to wait for.
      return answer === null ? undefined : { count: answer[0], resetMs: Math.max(0, answer[1]) };
    },
    async claim(key, ttlMs) {
      return (await ask(redis.set(`c:${key}`, '1', 'PX', ttlMs, 'NX'))) === 'OK';
    },
    async put(key, value, ttlMs) {
      await ask(redis.set(`t:${key}`, value, 'PX', ttlMs));
    },
    async take(key) {
      return (await ask(redis.getdel(`t:${key}`))) ?? undefined;
    },
    async ping() {
      await ask(redis.ping());
    },
    async close() {
      redis.disconnect();
    },
  };
}

async function ask<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    throw unavailable(error);
  }
}

/** One line when Redis goes and one when it comes back, however often the client tries. */
function reportOutages(redis: Redis, log: Logger | undefined): void {
  let out = false;
  redis.on('error', (error: unknown) => {
    if (!out) log?.warn('redis is out of reach', { error });
    out = true;
  });
  redis.on('ready', () => {
    if (out) log?.info('redis is back');
    out = false;
  });
}
