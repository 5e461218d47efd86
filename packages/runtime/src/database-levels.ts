/** How busy the database's pool is, as numbers for Prometheus: queries that wait are the first sign of a lack. */
import type { Metrics } from './metrics.ts';
import type { Database } from './postgres.ts';

/** Counts the pool's connections, and the queries that wait for one, whenever somebody asks. */
export function meterDatabase({ pool }: Pick<Database<unknown>, 'pool'>, metrics: Metrics): void {
  const busy = (): number => pool.totalCount - pool.idleCount;
  metrics.reading('database_connections_busy', 'Connections of the pool at work', busy);
  metrics.reading(
    'database_connections_max',
    'Connections that the pool may have',
    () => pool.options.max,
  );
  metrics.reading(
    'database_queries_waiting',
    'Queries that wait for a connection of the pool',
    () => pool.waitingCount,
  );
}
