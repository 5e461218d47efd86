/** Counters in Redis, shared by all processes of a platform. */
import { createRedisBudget } from './budgets.ts';
import type { Counters } from './counters.ts';
import { openRedis, type RedisOptions } from './redis.ts';
import { unavailable } from './unavailable.ts';

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
export async function openRedisCounters(options: RedisOptions): Promise<Counters> {
  const redis = await openRedis(options);
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
    budget: (name, rule) => createRedisBudget(redis, name, rule),
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
