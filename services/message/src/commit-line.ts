/** One connection that commits batches: opened when needed, opened again when lost. */
import { type Database, openPipeline, type Pipeline } from '@sotto/runtime';
import { CONNECTION_SETTINGS } from './commit-store.ts';
import type { Tables } from './schema.ts';

export interface CommitLine {
  /** The connection. Rejects with the database's error when none can be had. */
  connect(): Promise<Pipeline>;
  close(): Promise<void>;
}

/** A line without a connection yet. */
export function createCommitLine(database: Pick<Database<Tables>, 'pool'>): CommitLine {
  let current: Pipeline | undefined;
  return {
    async connect() {
      if (current?.isOpen()) return current;
      const pipeline = await openPipeline(database);
      await pipeline.send(CONNECTION_SETTINGS);
      current = pipeline;
      return pipeline;
    },
    async close() {
      await current?.close();
      current = undefined;
    },
  };
}

/** What a failure of a transaction asks for. */
export type CommitFailure =
  /** An id was used before: look the ids up first. */
  | 'repeated'
  /** Another transaction was in the way: try again in smaller parts. */
  | 'contended'
  /** The connection is gone, and with it whether the transaction happened: send the same ids again. */
  | 'lost'
  /** There is no partition for this week: make it, and try again. */
  | 'unpartitioned'
  /** The database will not take one of the rows: find out which. */
  | 'bad';

/** Five characters with a digit among them; system calls fail with words such as EPIPE. */
const SQLSTATE = /^(?=.*\d)[0-9A-Z]{5}$/;

/** Connection failures, shutdown, no resources, and a server that has become read-only. */
const AWAY = /^(08|57P|53|25006)/;

const CONTENDED: ReadonlySet<unknown> = new Set(['40P01', '55P03', '40001', '57014']);

/** Reads a failure by SQLSTATE. Failures without one come from the connection. */
export function failureOf(error: unknown): CommitFailure {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (typeof code !== 'string' || !SQLSTATE.test(code) || AWAY.test(code)) return 'lost';
  if (CONTENDED.has(code)) return 'contended';
  if (code === '23514' && error instanceof Error && !('constraint' in error && error.constraint))
    return 'unpartitioned';
  const constraint = error instanceof Error && 'constraint' in error ? error.constraint : undefined;
  return code === '23505' && constraint === 'message_ids_key' ? 'repeated' : 'bad';
}
