/** When devices connect, by the one clock that all nodes share: the database's. */
import type { Database } from '@sotto/runtime';
import { sql } from 'kysely';
import { ARRIVALS_AT_ONCE } from './limits.ts';
import type { Tables } from './schema.ts';
import { createTurnstile } from './turnstile.ts';

/** A moment of now, in microseconds since 1970. */
export type Arrive = () => Promise<number>;

/** Asks the database each time. Rejects with its error when it is away. */
export function createArrivals({ query }: Pick<Database<Tables>, 'query'>): Arrive {
  const turnstile = createTurnstile(ARRIVALS_AT_ONCE);
  return () =>
    turnstile(async () => {
      const { rows } = await sql<{ now: number }>`
        select (extract(epoch from clock_timestamp()) * 1000000)::bigint as now
      `.execute(query);
      return rows[0]?.now ?? 0;
    });
}
