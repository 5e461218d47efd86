/** SQL that compares the store with the rows. */
import type { FileId } from '@sotto/api';
import { type Kysely, sql } from 'kysely';
import { RECONCILE_AGAIN_MS, RECONCILE_MS } from './limits.ts';
import type { FileTables } from './schema.ts';
import type { Leftover } from './store.ts';

type Query = Kysely<FileTables>;

/** A round of several processes: one of them begins it. */
export interface Round {
  /** The blob that the round before came to; undefined to begin from the start. */
  reached: string | undefined;
  /** When the database came to be. */
  bornAt: Date;
}

/** Begins the next round, when its time has come and no other process has begun it. */
export async function beginRound(query: Query, now: number): Promise<Round | undefined> {
  const { rows } = await sql<{ reached: string | null; born_at: Date }>`
    insert into rounds (name, begun_at) values ('reconciliation', ${new Date(now)})
    on conflict (name) do update set begun_at = excluded.begun_at
    where rounds.begun_at <= ${new Date(now - RECONCILE_MS)}
    returning reached, (select min(applied_at) from migrations) as born_at
  `.execute(query);
  return rows[0] && { reached: rows[0].reached ?? undefined, bornAt: rows[0].born_at };
}

/** Lets a round that could not be done begin anew soon, by whichever process. */
export async function giveBackRound(query: Query, now: number): Promise<void> {
  await query
    .updateTable('rounds')
    .set({ begun_at: new Date(now - RECONCILE_MS + RECONCILE_AGAIN_MS) })
    .where('name', '=', 'reconciliation')
    .execute();
}

/** Notes where the next round goes on. */
export async function endRound(query: Query, reached: string | undefined): Promise<void> {
  await query
    .updateTable('rounds')
    .set({ reached: reached ?? null })
    .where('name', '=', 'reconciliation')
    .execute();
}

/** Those of some blobs that a row names: a file, a piece of an upload, or one of none. Index: the unique ones of `blob_key`. */
export async function findWanted(query: Query, keys: readonly string[]): Promise<Set<string>> {
  const { rows } = await sql<{ blob_key: string }>`
    select blob_key from files where blob_key = any(${keys}::uuid[])
    union all
    select blob_key from upload_pieces where blob_key = any(${keys}::uuid[])
    union all
    select blob_key from loose_pieces where blob_key = any(${keys}::uuid[])
  `.execute(query);
  return new Set(rows.map(({ blob_key }) => blob_key));
}

/** A stretch of the store, in the order of the keys, and all that lies in it. */
export interface Stretch {
  /** Behind this one; undefined from the start. */
  after: string | undefined;
  /** Up to this one; undefined to the end. */
  upTo: string | undefined;
  keys: readonly string[];
}

/** Stored files of before a moment that belong into a stretch and have no blob there. Index: files_blob_key_key. */
export async function findLost(
  query: Query,
  { after, upTo, keys }: Stretch,
  { before, limit }: { before: Date; limit: number },
): Promise<Leftover[]> {
  const rows = await query
    .selectFrom('files')
    .select(['id', 'blob_key'])
    .where('state', '=', 'stored')
    .where('created_at', '<', before)
    .where(sql<boolean>`not (blob_key = any(${keys}::uuid[]))`)
    .$if(after !== undefined, (files) => files.where(sql<boolean>`blob_key > ${after}::uuid`))
    .$if(upTo !== undefined, (files) => files.where(sql<boolean>`blob_key <= ${upTo}::uuid`))
    .limit(limit)
    .execute();
  return rows.map(({ id, blob_key: blobKey }) => ({ id, blobKey }));
}

/** Hides a stored file whose blob is not there. False when it has been hidden already. */
export async function hideLost(query: Query, id: FileId): Promise<boolean> {
  const { numUpdatedRows } = await query
    .updateTable('files')
    .set({ state: 'deleting' })
    .where('id', '=', id)
    .where('state', '=', 'stored')
    .executeTakeFirst();
  return numUpdatedRows > 0n;
}

/** Those of some attempts that an upload goes on with. */
export async function findLiveAttempts(
  query: Query,
  attempts: readonly string[],
): Promise<Set<string>> {
  const rows = await query
    .selectFrom('uploads')
    .select('attempt')
    .where('attempt', 'in', attempts)
    .execute();
  return new Set(rows.flatMap(({ attempt }) => attempt ?? []));
}
