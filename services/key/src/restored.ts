/**
 * Makes the keys of a database that was restored from a backup safe to hand out (DESIGN 2.9): what the platform may have
 * handed out or heard of after the backup is void. Nothing else may be connected.
 */
import { KEY_ID_MAX } from '@sotto/api';
import { type Database, openPatientPool } from '@sotto/runtime';
import { Kysely, PostgresDialect, sql } from 'kysely';
import { addRestoredLeaf, hasRestoredLeaf } from './log/leaves.ts';
import type { KeyTables } from './schema.ts';

/** How far versions and the marks of key ids jump: more than a device makes between a backup and its restore. */
const JUMP = 2 ** 20;

export interface KeyRestore {
  incarnation: number;
  /** Milliseconds since 1970, for the leaf that tells of it. */
  time: number;
}

/**
 * Deletes all one-time prekeys, raises what counts, and writes the leaf that says so. The same incarnation again changes
 * nothing. Undefined then, else how many prekeys went.
 *
 * Marks rise above what devices have made, so that each takes its store for one that is behind: where a device's store was
 * restored with the platform, it is, and nothing else would show it.
 */
export async function restoreKeys(
  database: Pick<Database<KeyTables>, 'pool'>,
  restore: KeyRestore,
): Promise<{ prekeys: number } | undefined> {
  const query = new Kysely<KeyTables>({
    dialect: new PostgresDialect({ pool: openPatientPool(database) }),
  });
  try {
    return await query.transaction().execute((transaction) => voidKeys(transaction, restore));
  } finally {
    await query.destroy();
  }
}

/** {@link restoreKeys} in a transaction of the caller's. */
export async function voidKeys(
  transaction: Kysely<KeyTables>,
  restore: KeyRestore,
): Promise<{ prekeys: number } | undefined> {
  if (await hasRestoredLeaf(transaction, restore.incarnation)) return undefined;
  const deleted = await sql`delete from one_time_prekeys`.execute(transaction);
  await sql`update devices
    set one_time_mark = least(one_time_mark + ${JUMP}, ${KEY_ID_MAX - JUMP})`.execute(transaction);
  await sql`update identity_keys set list_version = list_version + ${JUMP}
    where list_version > 0`.execute(transaction);
  await sql`delete from provisioning`.execute(transaction);
  await addRestoredLeaf(transaction, restore);
  return { prekeys: Number(deleted.numAffectedRows ?? 0) };
}
