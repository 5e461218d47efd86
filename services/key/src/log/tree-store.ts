/** SQL over the tree of the key log: its complete subtrees, and what one batch adds. */
import type { Subtree, SubtreeHash, TreeEdge } from '@sotto/crypto/verify';
import { subtreesOf } from '@sotto/crypto/verify';
import { sql } from 'kysely';
import type { KeyTransaction, Query } from '../store.ts';
import type { SignedHead } from './heads.ts';

/**
 * The hashes of subtrees, in the order of the question; throws when one is not there, which only a changed database can
 * bring about. Reads these rows and no other. Index: primary key.
 */
export async function readHashes(
  query: Query,
  subtrees: readonly Subtree[],
): Promise<Uint8Array[]> {
  if (subtrees.length === 0) return [];
  const levels = subtrees.map(({ level }) => level);
  const positions = subtrees.map(({ index }) => index);
  const { rows } = await sql<{ hash: Uint8Array }>`
    select tree.hash
    from unnest(${levels}::smallint[], ${positions}::bigint[]) with ordinality
      as wanted (level, position, place)
    join key_log_subtrees tree on tree.level = wanted.level and tree.position = wanted.position
    order by wanted.place
  `.execute(query);
  if (rows.length !== subtrees.length) throw new Error('the key log lacks a subtree');
  return rows.map(({ hash }) => hash);
}

/** The tree as far as its growth depends on it: one hash for each bit of its size. */
export async function readEdge(query: Query, size: number): Promise<TreeEdge> {
  return { size, peaks: await readHashes(query, subtreesOf({ start: 0, end: size })) };
}

/** A leaf that waits to be appended. */
export interface PendingLeaf {
  id: number;
  leaf: Uint8Array;
  account: Uint8Array | null;
  version: number | null;
}

/** What waits, the oldest first: leaves of one account in the order of their versions. Index: primary key. */
export function findPending(query: Query, limit: number): Promise<PendingLeaf[]> {
  return query.selectFrom('key_log_pending').selectAll().orderBy('id').limit(limit).execute();
}

/** What one batch adds to the tree. */
export interface Growth {
  /** The place of the first leaf. */
  start: number;
  leaves: readonly PendingLeaf[];
  completed: readonly SubtreeHash[];
  head: SignedHead;
}

/** Writes a batch; its leaves wait no more. */
export async function growTree(
  transaction: KeyTransaction,
  { start, leaves, completed, head }: Growth,
): Promise<void> {
  await sql`
    insert into key_log_leaves (position, leaf, account, version)
    select ${start}::bigint + place - 1, leaf, account, version
    from unnest(${leaves.map(({ leaf }) => leaf)}::bytea[],
      ${leaves.map(({ account }) => account)}::bytea[],
      ${leaves.map(({ version }) => version)}::bigint[]) with ordinality
      as leaves (leaf, account, version, place)
  `.execute(transaction);
  await sql`
    insert into key_log_subtrees (level, position, hash)
    select * from unnest(${completed.map(({ level }) => level)}::smallint[],
      ${completed.map(({ index }) => index)}::bigint[],
      ${completed.map(({ hash }) => hash)}::bytea[])
  `.execute(transaction);
  await transaction.insertInto('key_log_heads').values(head).execute();
  const ids = leaves.map(({ id }) => id);
  await sql`delete from key_log_pending where id = any(${ids}::bigint[])`.execute(transaction);
}
