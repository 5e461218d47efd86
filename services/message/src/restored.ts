/**
 * Makes a database that was restored from a backup safe to run on (DESIGN 2.9): places, list versions and the
 * incarnation rise above all that the platform may have issued after the backup. Nothing else may be connected.
 */
import { type Database, openPatientPool } from '@sotto/runtime';
import { Kysely, PostgresDialect, sql } from 'kysely';
import type { Tables } from './schema.ts';

/** How far counters jump: more than any conversation takes between a backup and its restore. */
const JUMP = 2 ** 20;

/**
 * From then on incarnations are counted in seconds, so that two restores of one backup do not get the same. Earlier
 * releases counted minutes, which is less.
 */
const FIRST_SECOND_MS = Date.UTC(2026, 0, 1);
const SECOND_MS = 1_000;

/** Thrown for a database on which nothing has run since it was made safe. */
export class AlreadyRestored extends Error {
  override readonly name = 'AlreadyRestored';
}

/** Thrown for a database of which a restore was begun and not ended. */
export class HalfRestored extends Error {
  override readonly name = 'HalfRestored';
}

export interface RestoreOptions {
  now: number;
  /** Do it once more, though nothing has run since, or a restore was broken off. */
  again: boolean;
  /** The incarnation of the platform whose place this one takes; left out where none was there. */
  above?: number;
}

/**
 * Decides on the new incarnation and writes down that the restore has begun: whoever begins again after a crash gets the
 * same. The caller sees that no two restores have the same second. Throws {@link AlreadyRestored}.
 */
export async function beginRestore(
  { pool }: { pool: Pick<Database<Tables>['pool'], 'query'> },
  { now, again, above = 0 }: RestoreOptions,
): Promise<number> {
  const { rows } = await pool.query<Tables['platform']>(
    'select incarnation, has_run, restoring from platform',
  );
  const [platform] = rows;
  if (platform === undefined) throw new Error('the platform has no incarnation');
  const { incarnation, has_run: hasRun, restoring } = platform;
  if (restoring !== null && !again) return restoring;
  if (!hasRun && !again) throw new AlreadyRestored('this database was made safe already');
  const seconds = Math.floor((now - FIRST_SECOND_MS) / SECOND_MS);
  const next = Math.max(incarnation + 1, (restoring ?? 0) + 1, above + 1, seconds);
  await pool.query('update platform set restoring = $1', [next]);
  return next;
}

/**
 * Raises everything in one transaction, which ends the restore: to be called when the other services' databases are safe.
 * How many conversations there are.
 */
export async function endRestore(
  database: Pick<Database<Tables>, 'pool'>,
  incarnation: number,
): Promise<{ conversations: number }> {
  // Every conversation has a row to write, and no request waits.
  const query = new Kysely<Tables>({
    dialect: new PostgresDialect({ pool: openPatientPool(database) }),
  });
  try {
    return await query
      .transaction()
      .execute((transaction) => raisePlaces(transaction, incarnation));
  } finally {
    await query.destroy();
  }
}

/**
 * Notes that the platform runs: whatever is restored from now on was alive. Throws {@link HalfRestored} for a database on
 * which places and keys would be given out a second time.
 */
export async function noteRun({ pool }: Pick<Database<Tables>, 'pool'>): Promise<void> {
  const { rows } = await pool.query('select from platform where restoring is not null');
  if (rows.length > 0) {
    throw new HalfRestored('a restore of this database was broken off: npm run restored ends it');
  }
  await pool.query('update platform set has_run = true where not has_run');
}

/** {@link endRestore} in a transaction of the caller's. */
export async function raisePlaces(
  transaction: Kysely<Tables>,
  incarnation: number,
): Promise<{ conversations: number }> {
  // By the incarnation, so that two restores of one backup do not give the same places.
  const { numAffectedRows = 0n } = await sql`update conversations
    set last_seq = greatest(last_seq, ${(incarnation - 1) * JUMP}::bigint) + ${JUMP}::bigint`.execute(
    transaction,
  );
  await sql`update device_lists set version = version + ${JUMP}`.execute(transaction);
  // Nobody is connected, and whoever connects catches up.
  await sql`delete from fanout_outbox`.execute(transaction);
  await sql`update platform
    set incarnation = ${incarnation}, restoring = null, has_run = false`.execute(transaction);
  return { conversations: Number(numAffectedRows) };
}
