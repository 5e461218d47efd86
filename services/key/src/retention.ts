/**
 * What is kept for a time only: marks of devices that have ended, and heads of the key log that others have followed.
 *
 * The tree itself only grows, so a head that somebody has seen is proven by it for ever; its row is of use only to
 * witnesses who have not signed it yet.
 */
import { decodeTreeHead } from '@sotto/crypto/verify';
import type { Clock, Database, Logger } from '@sotto/runtime';
import { sql } from 'kysely';
import {
  KEY_LOG_HEAD_KEPT_MS,
  RETENTION_BATCH_MAX,
  RETENTION_SWEEP_MS,
  RETIRED_DEVICE_KEPT_MS,
} from './limits.ts';
import type { KeyTables } from './schema.ts';
import type { Query } from './store.ts';

interface RetentionDeps {
  database: Pick<Database<KeyTables>, 'query'>;
  clock: Clock;
}

/** Deletes what is too old, now and each day, until it is closed. */
export function startRetention(
  { database, clock }: RetentionDeps,
  log: Logger,
): { close(): Promise<void> } {
  const closing = new AbortController();
  const sweep = (): Promise<void> =>
    forgetOld(database.query, clock(), closing.signal).catch((error) =>
      log.warn('what is too old stays', { error }),
    );
  let sweeping = sweep();
  const timer = setInterval(() => {
    sweeping = sweeping.then(sweep);
  }, RETENTION_SWEEP_MS);
  return {
    async close() {
      closing.abort();
      clearInterval(timer);
      await sweeping;
    },
  };
}

/** Deletes what is too old at a time, some rows at once. It may be broken off anywhere, and run by two at once. */
export async function forgetOld(query: Query, now: number, signal?: AbortSignal): Promise<void> {
  for (const deleteSome of [deleteSomeRetired, deleteSomeHeads]) {
    let deleted = RETENTION_BATCH_MAX;
    while (deleted === RETENTION_BATCH_MAX && !signal?.aborted) {
      deleted = await deleteSome(query, now);
    }
  }
}

/** How many. Index: retired_devices_age. */
async function deleteSomeRetired(query: Query, now: number): Promise<number> {
  const before = new Date(now - RETIRED_DEVICE_KEPT_MS);
  const { rows } = await sql`
    delete from retired_devices where id in (
      select id from retired_devices where retired_at < ${before}
      order by retired_at limit ${RETENTION_BATCH_MAX}
    ) returning id
  `.execute(query);
  return rows.length;
}

/** How many. A head's time is within it, and rises with its size. Index: primary keys. */
async function deleteSomeHeads(query: Query, now: number): Promise<number> {
  const { rows } = await sql<{ size: number; head: Uint8Array }>`
    select size, head from key_log_heads heads
    where size < (select max(size) from key_log_heads)
      and not exists (select from key_log_cosignatures where size = heads.size)
    order by size limit ${RETENTION_BATCH_MAX}
  `.execute(query);
  const old = rows
    .filter(({ head }) => decodeTreeHead(head).head.time < now - KEY_LOG_HEAD_KEPT_MS)
    .map(({ size }) => size);
  if (old.length === 0) return 0;
  // Asked again: a witness may have come by.
  await sql`
    delete from key_log_heads heads where size = any(${old}::bigint[])
      and not exists (select from key_log_cosignatures where size = heads.size)
  `.execute(query);
  return old.length;
}
