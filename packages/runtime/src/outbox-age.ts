/** How long the oldest row of an outbox has waited, as a number for Prometheus: what the bus has is not there any more. */
import { sql } from 'kysely';
import type { Closable } from './bus.ts';
import { OUTBOX_AGE_MS } from './limits.ts';
import type { Logger } from './log.ts';
import type { Metrics } from './metrics.ts';
import type { Database } from './postgres.ts';

export interface OutboxAgeOptions<Tables> {
  database: Pick<Database<Tables>, 'query'>;
  metrics: Pick<Metrics, 'gauge'>;
  log: Logger;
  /** What each is called, and its table: with `id` as its key and `created_at`. */
  outboxes: Readonly<Record<string, string>>;
  everyMs?: number;
}

/** Asks now and then; while the database does not answer there is no number. Close it. */
export function meterOutboxes<Tables>({
  database: { query },
  metrics,
  log,
  outboxes,
  everyMs = OUTBOX_AGE_MS,
}: OutboxAgeOptions<Tables>): Closable {
  const ages = metrics.gauge(
    'outbox_age_seconds',
    'How long the oldest row of an outbox has waited for the bus; 0 when there is none',
    ['outbox'],
  );

  async function ask(): Promise<void> {
    try {
      for (const [outbox, name] of Object.entries(outboxes)) {
        const { rows } = await sql<{ age: number }>`
          select extract(epoch from clock_timestamp() - created_at)::float8 as age
          from ${sql.table(name)} order by id limit 1
        `.execute(query);
        ages.set({ outbox }, Math.max(0, rows[0]?.age ?? 0));
      }
    } catch (error) {
      ages.reset();
      log.debug('the age of an outbox cannot be had', { error });
    }
  }

  let asking = ask();
  const timer = setInterval(() => {
    asking = asking.then(ask);
  }, everyMs).unref();
  return {
    async close() {
      clearInterval(timer);
      await asking;
    },
  };
}
