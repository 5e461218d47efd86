/**
 * SQL on who may read: the conversations that files are shared in.
 *
 * Locks are taken on files, in the order of their ids, and then on conversations.
 */
import type { ConversationId, FileId, UserId } from '@sotto/api';
import { type Kysely, sql, type Transaction } from 'kysely';
import type { FileTables, GrantsTable } from './schema.ts';

type Query = Kysely<FileTables>;

/** A conversation that a file is shared in, and what was heard last of a reader's membership there. */
export interface Grant {
  conversation: ConversationId;
  heard: Heard;
  /** For grants of others than the uploader: who has to be where, so that it counts. */
  through: { conversation: ConversationId; grantor: UserId; heard: Heard } | undefined;
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
    .leftJoin('members as grantors', (join) =>
      join
        .onRef('grantors.conversation', '=', 'grants.via')
        .onRef('grantors.user_id', '=', 'grants.grantor'),
    )
    .select(['grants.conversation', 'members.version', 'members.is_member'])
    .select(['grants.via', 'grants.grantor'])
    .select(['grantors.version as grantor_version', 'grantors.is_member as grantor_is_member'])
    .where('grants.file', '=', file)
    .orderBy('grants.created_at', 'desc')
    .execute();
  return rows.map(({ conversation, version, is_member, via, grantor, ...row }) => {
    const heard = heardOf(row.grantor_version, row.grantor_is_member);
    const through = via === null ? undefined : { conversation: via, grantor, heard };
    return { conversation, heard: heardOf(version, is_member), through };
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

/** Who shared a file where, eldest first. Index: primary key. */
export function grantsOf(query: Query, file: FileId) {
  return query
    .selectFrom('grants')
    .select(['conversation', 'grantor', 'via', 'created_at'])
    .where('file', '=', file)
    .orderBy('created_at')
    .execute();
}

/** Shares a locked file in a conversation that the grantor has just been found to be in; in place of another's grant. */
export async function putGrant(
  transaction: Transaction<FileTables>,
  grant: Pick<GrantsTable, 'file' | 'conversation' | 'grantor' | 'via'>,
): Promise<void> {
  const { file, conversation, grantor, via } = grant;
  await transaction
    .insertInto('conversations')
    .values({ id: conversation, asked_at: sql`now()` })
    // A no-op that holds the row: it does not go while a grant is hung on it.
    .onConflict((row) => row.column('id').doUpdateSet({ asked_at: sql`conversations.asked_at` }))
    .execute();
  await transaction
    .insertInto('grants')
    .values(grant)
    .onConflict((row) => row.columns(['file', 'conversation']).doUpdateSet({ grantor, via }))
    .execute();
  await transaction
    .updateTable('files')
    .set({ unshared_at: null })
    .where('id', '=', file)
    .execute();
}

/** Ends grants of locked files in a conversation, and those of others by it; what is shared nowhere now is kept for its time from here on. */
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
