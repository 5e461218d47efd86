/** Queries on one connection of somebody else's, in the transaction that it is in. */
import { Kysely, PostgresDialect, type PostgresPoolClient } from 'kysely';
import type pg from 'pg';

/**
 * What is asked by this becomes part of the caller's transaction. Begin none with it, and do not destroy it: the connection
 * stays the caller's.
 */
export function queryOn<Tables>(client: pg.ClientBase): Kysely<Tables> {
  // Kysely takes its connections from a pool: this one has the one connection, and never gives it away.
  const query: PostgresPoolClient['query'] = client.query.bind(client);
  const lent: PostgresPoolClient = { query, release: () => undefined };
  const pool = { connect: async () => lent, end: async () => undefined, options: {} };
  return new Kysely<Tables>({ dialect: new PostgresDialect({ pool }) });
}
