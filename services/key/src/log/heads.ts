/** Signed heads of the key log, and what witnesses have put under them. */
import { nodeProvider } from '@sotto/crypto/node';
import { type SigningKeyPair, signTreeHead, type TreeHead } from '@sotto/crypto/verify';
import { sql } from 'kysely';
import type { KeyTransaction, Query } from '../store.ts';

/** A row of `key_log_heads`. */
export interface SignedHead {
  size: number;
  /** Size, time, root and the log's signature. */
  head: Uint8Array;
  /** Whose signature it is. */
  log_key: Uint8Array;
}

/** A head signed by the log, as it is stored. */
export function signHead(logKey: SigningKeyPair<'key-log'>, head: TreeHead): SignedHead {
  const encoded = signTreeHead(nodeProvider, logKey, head);
  return { size: head.size, head: encoded, log_key: logKey.publicKey };
}

/** The head of the tree as it is now; undefined until a process has signed the empty one. Index: primary key. */
export function newestHead(query: Query): Promise<SignedHead | undefined> {
  return query
    .selectFrom('key_log_heads')
    .selectAll()
    .orderBy('size', 'desc')
    .limit(1)
    .executeTakeFirst();
}

/** The head that the tree had at a size. Not every size has one: leaves come in batches. */
export function findHead(query: Query, size: number): Promise<SignedHead | undefined> {
  return query.selectFrom('key_log_heads').selectAll().where('size', '=', size).executeTakeFirst();
}

/** Stores a head, or another signature under the same one, as when the log has got another key. */
export async function putHead(transaction: KeyTransaction, head: SignedHead): Promise<void> {
  const { head: encoded, log_key } = head;
  await transaction
    .insertInto('key_log_heads')
    .values(head)
    .onConflict((conflict) => conflict.column('size').doUpdateSet({ head: encoded, log_key }))
    .execute();
}

/** A witness's signature under a head. */
export interface Cosignature {
  witnessKey: Uint8Array;
  signature: Uint8Array;
}

/** What witnesses have signed of one head. Bounded by the number of witnesses. Index: primary key. */
export function findCosignatures(query: Query, size: number): Promise<Cosignature[]> {
  return query
    .selectFrom('key_log_cosignatures')
    .select(['witness_key as witnessKey', 'signature'])
    .where('size', '=', size)
    .execute();
}

/** A witness's signature under a head that others have followed. */
export interface EarlierCosignature extends Cosignature {
  size: number;
  head: Uint8Array;
}

/** What each of these witnesses has signed last, of those that have not signed a head of this size. Index: key_log_cosignatures_witness. */
export async function findEarlierCosignatures(
  query: Query,
  size: number,
  witnessKeys: readonly Uint8Array[],
): Promise<EarlierCosignature[]> {
  if (witnessKeys.length === 0) return [];
  const { rows } = await sql<EarlierCosignature>`
    select last.size, heads.head, witness.key as "witnessKey", last.signature
    from unnest(${witnessKeys}::bytea[]) as witness (key)
    cross join lateral (
      select size, signature from key_log_cosignatures
      where witness_key = witness.key and size <= ${size} order by size desc limit 1
    ) last
    join key_log_heads heads on heads.size = last.size
    where last.size < ${size}
  `.execute(query);
  return rows;
}

/** Keeps a cosignature; the same again changes nothing. */
export async function insertCosignature(
  query: Query,
  size: number,
  { witnessKey, signature }: Cosignature,
): Promise<void> {
  await query
    .insertInto('key_log_cosignatures')
    .values({ size, witness_key: witnessKey, signature })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}
