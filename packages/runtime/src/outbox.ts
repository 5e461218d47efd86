/**
 * Events that leave with the transaction that caused them.
 *
 * A row is written in the same transaction as the facts, published after the commit, and deleted once the bus has
 * acknowledged it. So an event is published at least once if its transaction committed, and never otherwise.
 */
import { type Generated, type Kysely, sql, type Transaction } from 'kysely';
import type { Bus } from './bus.ts';
import { AUDIT_SUBJECTS, type Log, logOf } from './bus-subjects.ts';
import {
  BUS_MESSAGE_BYTES_MAX,
  OUTBOX_BATCH_MAX,
  OUTBOX_SWEEP_MS,
  OUTBOX_TURN_MS,
} from './limits.ts';
import type { Logger } from './log.ts';
import type { Database } from './postgres.ts';

/** The table of every schema that publishes. */
export interface OutboxTable {
  id: Generated<number>;
  /** The message's id on the bus. A restored database counts `id` anew, so that could not be it. */
  event_id: Generated<string>;
  subject: string;
  payload: Uint8Array;
  created_at: Generated<Date>;
}

/** To be extended by a service's own tables. */
export interface OutboxTables {
  outbox: OutboxTable;
}

/** For a service's first migration. */
export async function createOutboxTable(transaction: Kysely<unknown>): Promise<void> {
  await sql`create table outbox (
    id bigint generated always as identity primary key,
    event_id uuid not null default gen_random_uuid(),
    subject text not null,
    payload bytea not null,
    created_at timestamptz not null default now()
  )`.execute(transaction);
}

/** Writes a row of the outbox. Nudge the outbox once the transaction has committed. */
export async function enqueue<Tables extends OutboxTables>(
  transaction: Transaction<Tables>,
  subject: string,
  payload: Uint8Array,
): Promise<void> {
  if (payload.byteLength > BUS_MESSAGE_BYTES_MAX) {
    // The bus would refuse it each time, and everything behind it would wait for ever.
    throw new RangeError('an event is larger than the bus takes');
  }
  await sql`insert into outbox (subject, payload) values (${subject}, ${payload})`.execute(
    transaction,
  );
}

export interface Outbox {
  /** Publishes what has been committed. Cheap, and safe to call at any time. */
  nudge(): void;
  /** Lets the turn under way finish; rows that stay are published by another process or after the next start. */
  close(): Promise<void>;
}

export interface OutboxOptions<Tables extends OutboxTables> {
  database: Pick<Database<Tables>, 'query'>;
  bus: Bus;
  log: Logger;
}

/**
 * Publishes rows in order of their ids, now and after each nudge, and sweeps every two seconds for what was left
 * behind. A log that refuses keeps back its own rows alone. Several processes may do so: they skip each other's rows.
 */
export function startOutbox<Tables extends OutboxTables>({
  database,
  bus,
  log,
}: OutboxOptions<Tables>): Outbox {
  let turning = Promise.resolve();
  let busy = false;
  let again = false;
  let failing = false;
  let closed = false;
  /** Logs that took no message since the last sweep. */
  const refusing = new Set<Log>();

  function fail(error: unknown, name?: Log): void {
    if (!failing) log.warn('the outbox cannot publish', { error, ...(name && { name }) });
    failing = true;
  }

  async function turns(): Promise<void> {
    let broken = false;
    do {
      again = false;
      try {
        again = (await publishBatch(database.query, bus, { refusing, fail })) || again;
        if (failing && refusing.size === 0) {
          log.info('the outbox publishes again');
          failing = false;
        }
      } catch (error) {
        fail(error);
        broken = true;
      }
      // After a failure the sweeper tries again, not a loop.
    } while (again && !broken && !closed);
    // In the same turn as the look at `again`: a nudge after it finds nobody at work.
    busy = false;
  }

  function nudge(): void {
    if (closed) return;
    again = true;
    if (busy) return;
    busy = true;
    turning = turns();
  }

  const sweeper = setInterval(() => {
    refusing.clear();
    nudge();
  }, OUTBOX_SWEEP_MS);
  nudge();
  return {
    nudge,
    async close() {
      closed = true;
      clearInterval(sweeper);
      await turning;
    },
  };
}

interface OutboxRow {
  id: number;
  event_id: string;
  subject: string;
  payload: Uint8Array;
}

interface Refusals {
  /** Logs whose rows are left alone; those that refuse are added. */
  refusing: Set<Log>;
  fail(error: unknown, log: Log): void;
}

/** The log of a row, as `logOf` has it. */
const LOG = sql`case when subject like ${sql.lit(`${AUDIT_SUBJECTS}%`)} then 'audit'
  else split_part(subject, '.', 1) end`;

/** One turn. True when there may be more for the logs that do not refuse. */
async function publishBatch<Tables>(
  query: Kysely<Tables>,
  bus: Bus,
  { refusing, fail }: Refusals,
): Promise<boolean> {
  return query.transaction().execute(async (transaction) => {
    const { rows } = await sql<OutboxRow>`
      select id, event_id, subject, payload from outbox
      where ${LOG} <> all(${[...refusing]}::text[])
      order by id limit ${OUTBOX_BATCH_MAX} for update skip locked
    `.execute(transaction);
    const published: number[] = [];
    const deadline = Date.now() + OUTBOX_TURN_MS;
    let isLate = false;
    // What comes behind a row that stays would overtake it, also when the next sweep forgets meanwhile who refused.
    const stuck = new Set(refusing);
    for (const row of rows) {
      isLate = Date.now() > deadline;
      if (isLate) break;
      const log = logOf(row.subject);
      if (stuck.has(log)) continue;
      try {
        await bus.publish(row.subject, row.payload, row.event_id);
        published.push(row.id);
      } catch (error) {
        stuck.add(log);
        refusing.add(log);
        fail(error, log);
      }
    }
    if (published.length > 0) {
      await sql`delete from outbox where id = any(${published}::bigint[])`.execute(transaction);
    }
    return isLate || rows.length === OUTBOX_BATCH_MAX;
  });
}
