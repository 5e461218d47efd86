/**
 * All SQL of the file service.
 *
 * Locks are taken in the order usage, then files (`reserve`) or on rows of one file and then its owner's usage; a
 * reservation's row is new, so the two never wait for each other. An owner's day comes last.
 */
import type { FileId, UserId } from '@sotto/api';
import { type Kysely, sql, type Transaction } from 'kysely';
import { FILE_CHARGE_BYTES_MIN } from './limits.ts';
import type { FileTables } from './schema.ts';

type Query = Kysely<FileTables>;

/** A file that is there for its readers. */
export interface StoredFile {
  id: FileId;
  blobKey: string;
  owner: UserId;
  size: number;
  sha256: Uint8Array;
  createdAt: Date;
  expiresAt: Date | undefined;
}

/** A file whose blob is to go. */
export interface Leftover {
  id: FileId;
  blobKey: string;
}

/** What a file of this size costs of its owner's quota. */
export function chargeOf(size: number): number {
  return Math.max(size, FILE_CHARGE_BYTES_MIN);
}

/** The same of a column. */
function charge(column: string) {
  return sql`greatest(${sql.ref(column)}, ${FILE_CHARGE_BYTES_MIN})`;
}

/** What the owner holds, locked until the transaction ends: concurrent reservations queue here. */
export async function lockUsage(
  transaction: Transaction<FileTables>,
  owner: UserId,
): Promise<number> {
  const { bytes } = await transaction
    .insertInto('usage')
    .values({ owner, bytes: 0 })
    // A no-op that locks the row and returns it.
    .onConflict((row) => row.column('owner').doUpdateSet({ bytes: sql`usage.bytes` }))
    .returning('bytes')
    .executeTakeFirstOrThrow();
  return bytes;
}

/** Writes a pending file, its size reserved against the owner's quota. Call `lockUsage` first. */
export async function insertPending(
  transaction: Transaction<FileTables>,
  file: { id: FileId; blobKey: string; owner: UserId; size: number; expiresAt?: Date | undefined },
): Promise<void> {
  const { id, blobKey: blob_key, owner, size, expiresAt: expires_at = null } = file;
  await transaction.insertInto('files').values({ id, blob_key, owner, size, expires_at }).execute();
  await transaction
    .updateTable('usage')
    .set({ bytes: sql`bytes + ${chargeOf(size)}` })
    .where('owner', '=', owner)
    .execute();
}

/**
 * Makes a pending file visible and gives back what its reservation had too much. Repeating it is no error. Undefined when
 * the file has been given up.
 */
export async function settle(
  query: Query,
  { id, size, sha256 }: { id: FileId; size: number; sha256: Uint8Array },
): Promise<Date | undefined> {
  const { rows } = await sql<{ created_at: Date }>`
    with reserved as (
      select id, size from files where id = ${id} and state = 'pending' for update
    ), settled as (
      update files set state = 'stored', size = ${size}, sha256 = ${sha256}
      from reserved where files.id = reserved.id
      returning files.owner, files.created_at, reserved.size - files.size as not_brought,
        ${charge('reserved.size')} - ${charge('files.size')} as spare
    ), given_back as (
      update usage set bytes = usage.bytes - settled.spare
      from settled where usage.owner = settled.owner
      returning usage.owner, settled.created_at, settled.not_brought
    ), given_back_to_day as (
      -- From what the last one returned, so that its lock is taken first, as a reservation takes them.
      update usage_days set bytes = greatest(0, usage_days.bytes - given_back.not_brought)
      from given_back where usage_days.owner = given_back.owner
        and usage_days.day = (given_back.created_at at time zone 'UTC')::date
    )
    select created_at from settled
    union all
    select created_at from files where id = ${id} and state = 'stored' and sha256 = ${sha256}`.execute(
    query,
  );
  return rows[0]?.created_at;
}

/** A file that readers can see, or undefined. */
export async function findStored(query: Query, id: FileId): Promise<StoredFile | undefined> {
  const row = await query
    .selectFrom('files')
    .select(['blob_key', 'owner', 'size', 'sha256', 'created_at', 'expires_at'])
    .where('id', '=', id)
    .where('state', '=', 'stored')
    .where(sql<boolean>`(expires_at is null or expires_at > now())`)
    .executeTakeFirst();
  if (row === undefined || row.sha256 === null) return undefined;
  const { blob_key: blobKey, owner, size, sha256, created_at: createdAt } = row;
  return { id, blobKey, owner, size, sha256, createdAt, expiresAt: row.expires_at ?? undefined };
}

/** Hides a file from its readers, whatever its state. Undefined when there is no such row. */
export async function markDeleting(query: Query, id: FileId): Promise<Leftover | undefined> {
  const row = await query
    .updateTable('files')
    .set({ state: 'deleting' })
    .where('id', '=', id)
    .returning('blob_key')
    .executeTakeFirst();
  return row && { id, blobKey: row.blob_key };
}

/** The same for a stored file of this owner only. */
export async function markDeletingOwned(
  query: Query,
  id: FileId,
  owner: UserId,
): Promise<Leftover | undefined> {
  const row = await query
    .updateTable('files')
    .set({ state: 'deleting' })
    .where('id', '=', id)
    .where('owner', '=', owner)
    .where('state', '=', 'stored')
    .returning('blob_key')
    .executeTakeFirst();
  return row && { id, blobKey: row.blob_key };
}

/**
 * Files whose blobs are to go and were not tried in the round of this moment: what was never tried, eldest first, then
 * what was tried longest ago. Index: files_deleting.
 */
export async function listDeleting(
  query: Query,
  { triedAt, limit }: { triedAt: Date; limit: number },
): Promise<Leftover[]> {
  const rows = await query
    .selectFrom('files')
    .select(['id', 'blob_key'])
    .where('state', '=', 'deleting')
    .where('tried_at', 'is distinct from', triedAt)
    .orderBy('tried_at', (order) => order.asc().nullsFirst())
    .orderBy('created_at')
    .limit(limit)
    .execute();
  return rows.map(({ id, blob_key: blobKey }) => ({ id, blobKey }));
}

/** Notes that a hidden file could not be removed. */
export async function noteTried(query: Query, id: FileId, triedAt: Date): Promise<void> {
  await query
    .updateTable('files')
    .set({ tried_at: triedAt })
    .where('id', '=', id)
    .where('state', '=', 'deleting')
    .execute();
}

/** Removes the row of a file whose blob is gone, and gives its bytes back to the owner. Safe to repeat. */
export async function forget(query: Query, id: FileId): Promise<void> {
  await sql`
    with gone as (
      delete from files where id = ${id} and state = 'deleting' returning owner, ${charge('size')} as charge
    )
    update usage set bytes = usage.bytes - gone.charge
    from gone where usage.owner = gone.owner`.execute(query);
}
