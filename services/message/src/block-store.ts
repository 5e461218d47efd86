/** SQL over who has blocked whom. */
import type { UserId } from '@sotto/api';
import type { Database } from '@sotto/runtime';
import { type Kysely, sql, type Transaction } from 'kysely';
import { holdUsers } from './erasure-store.ts';
import { BLOCKS_MAX } from './limits.ts';
import type { Tables } from './schema.ts';

type Query = Kysely<Tables>;

/** Whom a user has blocked. Index: primary key. */
export async function findBlocked({ query }: BlockDatabase, blocker: UserId): Promise<UserId[]> {
  const rows = await query
    .selectFrom('blocks')
    .where('blocker', '=', blocker)
    .orderBy('blocked')
    .limit(BLOCKS_MAX)
    .select('blocked')
    .execute();
  return rows.map(({ blocked }) => blocked);
}

export type BlockDatabase = Pick<Database<Tables>, 'query'>;

export interface Block {
  blocker: UserId;
  blocked: UserId;
}

/** Whether one user has blocked another. Within a transaction too. Index: primary key. */
export async function hasBlocked(query: Query, { blocker, blocked }: Block): Promise<boolean> {
  const row = await query
    .selectFrom('blocks')
    .where('blocker', '=', blocker)
    .where('blocked', '=', blocked)
    .select('blocker')
    .executeTakeFirst();
  return row !== undefined;
}

/** Those of some users who have blocked a user. Index: primary key. */
export async function findBlockers(
  query: Query,
  blocked: UserId,
  others: readonly UserId[],
): Promise<Set<UserId>> {
  if (others.length === 0) return new Set();
  const rows = await query
    .selectFrom('blocks')
    .where('blocked', '=', blocked)
    .where('blocker', 'in', others)
    .select('blocker')
    .execute();
  return new Set(rows.map(({ blocker }) => blocker));
}

/** What became of a wish to block: one of the two may have been erased meanwhile. */
export type Blocking = 'blocked' | 'full' | 'gone';

/** Writes a block; one that is there already stays. Follow it with {@link renewDirect}. */
export async function insertBlock(
  { query }: BlockDatabase,
  { blocker, blocked }: Block,
): Promise<Blocking> {
  return query.transaction().execute(async (transaction) => {
    if (!(await holdUsers(transaction, [blocker, blocked]))) return 'gone';
    if (await hasBlocked(transaction, { blocker, blocked })) return 'blocked';
    if (await isFull(transaction, blocker)) return 'full';
    await transaction
      .insertInto('blocks')
      .values({ blocker, blocked })
      .onConflict((conflict) => conflict.doNothing())
      .execute();
    return 'blocked';
  });
}

/** Two requests at once may go a few beyond the limit, which does no harm. */
async function isFull(transaction: Transaction<Tables>, blocker: UserId): Promise<boolean> {
  const { count } = await transaction
    .selectFrom('blocks')
    .where('blocker', '=', blocker)
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow();
  return Number(count) >= BLOCKS_MAX;
}

/** Removes a block, if there is one. Follow it with {@link renewDirect}. */
export async function deleteBlock(
  { query }: BlockDatabase,
  { blocker, blocked }: Block,
): Promise<void> {
  await query
    .deleteFrom('blocks')
    .where('blocker', '=', blocker)
    .where('blocked', '=', blocked)
    .execute();
}

/**
 * Gives the direct conversation of two users another version, so that every node reads anew who has blocked whom before
 * it commits there again. In a statement of its own behind the change: then a conversation that was made meanwhile is
 * either found here, or read after the change by whoever reads it first. Index: conversations_pair.
 */
export async function renewDirect(
  { query }: BlockDatabase,
  { blocker, blocked }: Block,
): Promise<void> {
  const [low, high] = [blocker, blocked].sort();
  await sql`
    update conversations set version = version + 1
    where pair_low = ${low} and pair_high = ${high}
  `.execute(query);
}
