/**
 * SQL on who may read: the conversations that files are shared in.
 *
 * Locks are taken on files, in the order of their ids, and then on conversations.
 */
import type { ConversationId, FileId, UserId } from '@sotto/api';
import { type Kysely, sql, type Transaction } from 'kysely';
import type { FileTables } from './schema.ts';

type Query = Kysely<FileTables>;

/** A conversation that a file is shared in, and what was heard last of a reader's membership there. */
export interface Grant {
  conversation: ConversationId;
  heard: Heard;
}

/** The version of the last change that was heard of, negative when the user went by it; undefined when none was. */
export type Heard = number | undefined;

/** At most as many as a file may have, newest first. Index: primary keys. */
export async function listGrants(query: Query, file: FileId, reader: UserId): Promise<Grant[]> {
  const rows = await query
    .selectFrom('grants')
    .leftJoin('members', (join) =>
      join
        .onRef('members.conversation', '=', 'grants.conversation')
        .on('members.user_id', '=', reader),
    )
    .select(['grants.conversation', 'members.version', 'members.is_member'])
    .where('grants.file', '=', file)
    .orderBy('grants.created_at', 'desc')
    .execute();
  return rows.map(({ conversation, version, is_member }) => {
    return { conversation, heard: heardOf(version, is_member) };
  });
}

/** What was heard last of one membership. Index: primary key. */
export async function findHeard(
  query: Query,
  conversation: ConversationId,
  user: UserId,
): Promise<Heard> {
  const row = await query
    .selectFrom('members')
    .select(['version', 'is_member'])
    .where('conversation', '=', conversation)
    .where('user_id', '=', user)
    .executeTakeFirst();
  return row && heardOf(row.version, row.is_member);
}

function heardOf(version: number | null, isMember: boolean | null): Heard {
  if (version === null) return undefined;
  return isMember === true ? version : -version;
}

/** Locks a stored file against other changes of its grants; of this owner only when one is named. False when there is none. */
export async function lockStored(
  transaction: Transaction<FileTables>,
  id: FileId,
  owner?: UserId,
): Promise<boolean> {
  const row = await transaction
    .selectFrom('files')
    .select('id')
    .where('id', '=', id)
    .where('state', '=', 'stored')
    .where(({ eb, lit }) => (owner === undefined ? lit(true) : eb('owner', '=', owner)))
    .forUpdate()
    .executeTakeFirst();
  return row !== undefined;
}

/** The conversations of a locked file. */
export async function conversationsOf(query: Query, file: FileId): Promise<ConversationId[]> {
  const rows = await query
    .selectFrom('grants')
    .select('conversation')
    .where('file', '=', file)
    .execute();
  return rows.map(({ conversation }) => conversation);
}

/** Shares a locked file in a conversation that somebody has just been found to be in. */
export async function insertGrant(
  transaction: Transaction<FileTables>,
  file: FileId,
  conversation: ConversationId,
): Promise<void> {
  await transaction
    .insertInto('conversations')
    .values({ id: conversation, asked_at: sql`now()` })
    // A no-op that holds the row: it does not go while a grant is hung on it.
    .onConflict((row) => row.column('id').doUpdateSet({ asked_at: sql`conversations.asked_at` }))
    .execute();
  await transaction.insertInto('grants').values({ file, conversation }).execute();
  await transaction
    .updateTable('files')
    .set({ unshared_at: null })
    .where('id', '=', file)
    .execute();
}

/** Ends grants of locked files in a conversation; what is shared nowhere now is kept for its time from here on. */
export async function deleteGrants(
  transaction: Transaction<FileTables>,
  files: readonly FileId[],
  conversation: ConversationId,
): Promise<void> {
  const ended = await transaction
    .deleteFrom('grants')
    .where('conversation', '=', conversation)
    .where('file', 'in', files)
    .returning('file')
    .execute();
  const ids = ended.map(({ file }) => file);
  await sql`
    update files set unshared_at = now()
    where id = any(${ids}::uuid[]) and not exists (select from grants where file = files.id)
  `.execute(transaction);
}

/** Ends some of the grants in a conversation; how many files had one. Index: grants_conversation, then primary keys. */
export async function endSomeGrants(
  query: Query,
  conversation: ConversationId,
  limit: number,
): Promise<number> {
  return query.transaction().execute(async (transaction) => {
    const rows = await transaction
      .selectFrom('files')
      .innerJoin('grants', 'grants.file', 'files.id')
      .select('files.id')
      .where('grants.conversation', '=', conversation)
      .orderBy('files.id')
      .limit(limit)
      .forUpdate('files')
      .execute();
    if (rows.length === 0) return 0;
    // Statements of their own: they see what was granted elsewhere while that one waited.
    await deleteGrants(
      transaction,
      rows.map(({ id }) => id),
      conversation,
    );
    return rows.length;
  });
}
