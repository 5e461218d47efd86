/** A connection beside the pool whose statements leave without waiting for each other's answers. */
import pg from 'pg';
import { type Database, optionsOf, silenceMs } from './postgres.ts';

export interface Statement {
  /** Prepared under this name when given: parsed once per connection. */
  name?: string;
  text: string;
  values?: unknown[];
}

export interface Pipeline {
  /**
   * Sends a statement behind those sent before, at once; those of one turn of the event loop in one write. Each ends by itself: after a failure the ones behind it still
   * run, which within a transaction means that they are refused and that its `commit` answers `ROLLBACK`. The
   * connection is given up when an answer takes longer than any statement may.
   */
  send<Row>(statement: Statement): Promise<{ rows: Row[]; command: string }>;
  /** False once the connection is lost. What had no answer then may or may not have happened. */
  isOpen(): boolean;
  close(): Promise<void>;
}

/** Opens a connection with the pool's options, of which it takes no place. Rejects when the database is out of reach. */
export async function openPipeline({ pool }: Pick<Database<unknown>, 'pool'>): Promise<Pipeline> {
  const client = new pg.Client({
    ...optionsOf(pool),
    pipeline: true,
    // For a pipeline the driver ends the connection, unlike one of the pool.
    query_timeout: silenceMs(pool),
  });
  let open = true;
  client.on('error', () => {
    open = false;
  });
  client.on('end', () => {
    open = false;
  });
  await client.connect();
  const gather = gathering(client);
  return {
    async send<Row>(statement: Statement) {
      gather();
      const { rows, command } = await client.query<Row & pg.QueryResultRow>(statement);
      return { rows, command };
    },
    isOpen: () => open,
    close: () => client.end(),
  };
}

/** Lets what is written in this turn leave together: a statement is four messages, a transaction of ours four statements. */
function gathering(client: pg.Client): () => void {
  const { stream } = client.connection;
  let isGathering = false;
  return () => {
    if (isGathering) return;
    isGathering = true;
    stream.cork();
    process.nextTick(() => {
      isGathering = false;
      stream.uncork();
    });
  };
}
