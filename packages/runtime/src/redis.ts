/** One connection to Redis: what counters and limits of a process share. */
import { Redis } from 'ioredis';
import { REDIS_DEADLINE_MS } from './limits.ts';
import type { Logger } from './log.ts';
import { readNamedFile } from './start-faults.ts';

export interface RedisOptions {
  url: string;
  /** A PEM file with the certificates to believe; the connection is by TLS then, whatever the URL says. */
  ca?: string | undefined;
  /** Before every key, so that several platforms can share a server. */
  prefix?: string;
  /** How long an answer may take; REDIS_DEADLINE_MS when left out. */
  deadlineMs?: number;
  log?: Logger;
}

/**
 * Connects, and keeps trying when Redis is not up: every command then fails at once. When Redis takes a command and says
 * nothing for a second, the connection is given up with all that wait on it, so that one caller waits and not each.
 */
export async function openRedis(options: RedisOptions): Promise<Redis> {
  const { url, ca, prefix = 'sotto:', deadlineMs = REDIS_DEADLINE_MS, log } = options;
  const redis = new Redis(url, {
    lazyConnect: true,
    keyPrefix: prefix,
    connectTimeout: deadlineMs,
    socketTimeout: deadlineMs,
    // A command neither waits for a connection nor is sent twice: a late count is a wrong count.
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    retryStrategy: (attempt) => Math.min(1_000, attempt * 50),
    ...(ca !== undefined && { tls: { ca: readNamedFile(ca, 'redis.ca', 'REDIS_CA') } }),
  });
  reportOutages(redis, log);
  // A failure is reported like every later one, and the client goes on trying.
  await redis.connect().catch(() => undefined);
  return redis;
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
