/** SQL on the files of an owner as a whole. */
import type { UserId } from '@sotto/api';
import { type Kysely, sql, type Transaction } from 'kysely';
import type { FileTables } from './schema.ts';
import { lockUsage } from './store.ts';

type Query = Kysely<FileTables>;

/** Whether an owner has been erased, or is about to be. Index: primary key. */
export async function isErased(query: Query, owner: UserId): Promise<boolean> {
  const row = await query
    .selectFrom('erased_owners')
    .select('owner')
    .where('owner', '=', owner)
    .executeTakeFirst();
  return row !== undefined;
}

/** Hides all files of an owner, and lets no more be made. Index: files_owner. */
export async function markErased(
  transaction: Transaction<FileTables>,
  owner: UserId,
): Promise<void> {
  // Whoever reserves room for a file waits here, and finds the mark.
  await lockUsage(transaction, owner);
  await transaction
    .insertInto('erased_owners')
    .values({ owner })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  await transaction.deleteFrom('members').where('user_id', '=', owner).execute();
  // Of files of others: whose grant it was is forgotten with it.
  await transaction
    .deleteFrom('grants')
    .where('grantor', '=', owner)
    .where('via', 'is not', null)
    .execute();
  await sql`
    with owned as (
      -- In the order in which grants lock them. Those that are hidden already may be on their way out.
      select id from files where owner = ${owner} and state <> 'deleting' order by id for update
    )
    update files set state = 'deleting' from owned where files.id = owned.id
  `.execute(transaction);
}

/** Forgets what owners held and brought who are erased and have no files left. */
export async function forgetErased(query: Query): Promise<void> {
  await sql`
    delete from usage_days using erased_owners where usage_days.owner = erased_owners.owner
  `.execute(query);
  await sql`
    delete from usage using erased_owners
    where usage.owner = erased_owners.owner
      and not exists (select from files where files.owner = usage.owner)
  `.execute(query);
}

/** The files of an owner with the conversations they are shared in, where the owner shared files of others, and what was heard of the owner's own memberships. */
export async function filesOf(query: Query, owner: UserId) {
  const files = await query
    .selectFrom('files')
    .select(['id', 'state', 'size', 'sha256', 'created_at', 'expires_at'])
    .where('owner', '=', owner)
    .orderBy('created_at')
    .execute();
  const grants = await query
    .selectFrom('grants')
    .innerJoin('files', 'files.id', 'grants.file')
    .select(['grants.file', 'grants.conversation', 'grants.created_at'])
    .where(({ eb, or, and }) =>
      or([
        eb('files.owner', '=', owner),
        and([eb('grants.grantor', '=', owner), eb('grants.via', 'is not', null)]),
      ]),
    )
    .orderBy('grants.created_at')
    .execute();
  const usage = await query
    .selectFrom('usage')
    .select('bytes')
    .where('owner', '=', owner)
    .execute();
  const days = await query
    .selectFrom('usage_days')
    .select([sql<string>`day::text`.as('day'), 'bytes'])
    .where('owner', '=', owner)
    .orderBy('day')
    .execute();
  const memberships = await query
    .selectFrom('members')
    .select(['conversation', 'is_member', 'heard_at'])
    .where('user_id', '=', owner)
    .orderBy('conversation')
    .execute();
  return { files, grants, usage, days, memberships };
}
