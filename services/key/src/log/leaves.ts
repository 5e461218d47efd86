/**
 * Leaves of the key log, from the transaction that makes them to the tree.
 *
 * A leaf is written as pending with the identity that it names, so that neither is ever there without the other, and
 * waits for `appender.ts`. It is chained to the account's leaf before it, whose hash `key_log_accounts` keeps.
 */
import type { UserId } from '@sotto/api';
import { nodeProvider } from '@sotto/crypto/node';
import {
  blindAccount,
  decodeKeyLogLeaf,
  digestKey,
  encodeKeyLogLeaf,
  leafHashOf,
  verifyingKey,
} from '@sotto/crypto/verify';
import { sql } from 'kysely';
import type { KeyTransaction, Query } from '../store.ts';

/** What the first leaf of an account follows on. */
const NO_HASH = new Uint8Array(32);

/** The key under which accounts appear in the log. It was made with the tables, and a backup carries it. */
export async function findBlindingKey(query: Query): Promise<Uint8Array> {
  const { blinding_key } = await query
    .selectFrom('key_log_parameters')
    .select('blinding_key')
    .executeTakeFirstOrThrow();
  return blinding_key;
}

/**
 * Writes the account's next leaf, for the identity that this transaction gives it. The version of that leaf. Two
 * transactions of one account wait for each other. Nudge the log once the transaction has committed.
 */
export async function addAccountLeaf(
  transaction: KeyTransaction,
  blindingKey: Uint8Array,
  { user, identityKey }: { user: UserId; identityKey: Uint8Array },
): Promise<number> {
  const account = blindAccount(nodeProvider, blindingKey, user);
  const newest = await lockNewest(transaction, account);
  const version = newest.version + 1;
  const previousHash = newest.leaf_hash;
  const key = { user, identityKey: verifyingKey<'identity'>(identityKey) };
  const keyDigest = digestKey(nodeProvider, blindingKey, key);
  const leaf = encodeKeyLogLeaf({ type: 'account', account, version, previousHash, keyDigest });
  await transaction
    .updateTable('key_log_accounts')
    .set({ version, leaf_hash: leafHashOf(nodeProvider, leaf) })
    .where('account', '=', account)
    .execute();
  await transaction.insertInto('key_log_pending').values({ leaf, account, version }).execute();
  return version;
}

/** Writes the leaf that tells everybody that the platform was restored from a backup, at its new incarnation. */
export async function addRestoredLeaf(
  transaction: Query,
  { incarnation, time }: { incarnation: number; time: number },
): Promise<void> {
  const leaf = encodeKeyLogLeaf({ type: 'restored', incarnation, time });
  await transaction
    .insertInto('key_log_pending')
    .values({ leaf, account: null, version: null })
    .execute();
}

/** The newest leaf that tells of a restore. */
export interface RestoredLeafRow {
  /** Undefined while it waits to be appended. */
  position: number | undefined;
  leaf: Uint8Array;
}

/** Undefined where the platform was never restored. Index: key_log_leaves_restored; what is pending is short. */
export async function findRestoredLeaf(query: Query): Promise<RestoredLeafRow | undefined> {
  const { rows } = await sql<{ position: number | null; leaf: Uint8Array }>`
    (select null as position, leaf from key_log_pending where account is null limit 1)
    union all
    (select position, leaf from key_log_leaves where account is null order by position desc limit 1)
    limit 1
  `.execute(query);
  const [row] = rows;
  return row && { position: row.position ?? undefined, leaf: row.leaf };
}

/** Whether the leaf of a restore was written before. */
export async function hasRestoredLeaf(query: Query, incarnation: number): Promise<boolean> {
  const { rows } = await sql<{ leaf: Uint8Array }>`
    select leaf from key_log_pending where account is null
    union all select leaf from key_log_leaves where account is null
  `.execute(query);
  return rows
    .map(({ leaf }) => decodeKeyLogLeaf(leaf))
    .some((leaf) => leaf.type === 'restored' && leaf.incarnation === incarnation);
}

/** The version of an account's newest leaf, be it in the tree or not; undefined for an account without any. */
export async function newestVersion(query: Query, account: Uint8Array) {
  const row = await query
    .selectFrom('key_log_accounts')
    .select('version')
    .where('account', '=', account)
    .executeTakeFirst();
  return row?.version;
}

/** A leaf in the tree. */
export interface PlacedLeaf {
  position: number;
  leaf: Uint8Array;
  version: number;
}

/** The leaves of an account that are in the tree, from a version on. Index: key_log_leaves_version. */
export async function findAccountLeaves(
  query: Query,
  account: Uint8Array,
  { from, limit }: { from: number; limit: number },
): Promise<PlacedLeaf[]> {
  const { rows } = await sql<PlacedLeaf>`
    select position, leaf, version from key_log_leaves
    where account = ${account} and version >= ${from} order by version limit ${limit}
  `.execute(query);
  return rows;
}

/** Leaves of the tree from a place on. Index: primary key. */
export async function findLeaves(
  query: Query,
  { start, count }: { start: number; count: number },
): Promise<Uint8Array[]> {
  const rows = await query
    .selectFrom('key_log_leaves')
    .select('leaf')
    .where('position', '>=', start)
    .orderBy('position')
    .limit(count)
    .execute();
  return rows.map(({ leaf }) => leaf);
}

/** The account's newest leaf, locked; version 0 before the first, which two transactions cannot both add either. */
async function lockNewest(transaction: KeyTransaction, account: Uint8Array) {
  await transaction
    .insertInto('key_log_accounts')
    .values({ account, version: 0, leaf_hash: NO_HASH })
    .onConflict((conflict) => conflict.column('account').doNothing())
    .execute();
  return transaction
    .selectFrom('key_log_accounts')
    .select(['version', 'leaf_hash'])
    .where('account', '=', account)
    .forUpdate()
    .executeTakeFirstOrThrow();
}
