/** Which adapter stands behind a port, as the configuration says: a server where one is named, else this process. */
import type { Bus } from './bus.ts';
import { createMemoryBus } from './bus-memory.ts';
import { openNatsBus } from './bus-nats.ts';
import type { Counters } from './counters.ts';
import { createMemoryCounters } from './counters-memory.ts';
import { openRedisCounters } from './counters-redis.ts';
import type { Logger } from './log.ts';
import type { NatsSection, RedisSection } from './sections.ts';

/** The bus. Rejects when the server that is named does not answer in time. Whoever opens it closes it. */
export async function openBus({ url, ...nats }: NatsSection, log: Logger): Promise<Bus> {
  return url === undefined ? createMemoryBus({ log }) : openNatsBus({ url, ...nats, log });
}

/** The counters. Rejects when the server that is named does not answer in time. Whoever opens them closes them. */
export async function openCounters({ url, ca }: RedisSection, log: Logger): Promise<Counters> {
  return url === undefined ? createMemoryCounters() : openRedisCounters({ url, ca, log });
}
