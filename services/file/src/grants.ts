/**
 * Who may read a file: its uploader, and the members of every conversation that it is shared in.
 *
 * The uploader shares it, and so do the members of the conversations that the uploader chose. What such a member has
 * shared counts while they are one, and ends with the uploader's grant by which they came to it: who was removed keeps
 * nothing for themselves by a conversation of their own.
 *
 * For everybody else it is not there: unknown, hidden and forbidden files are one and the same answer, which
 * `test/file.test.ts` proves.
 */
import { ApiError, type ConversationId, type FileId, type UserId } from '@sotto/api';
import type { FileGrants } from '@sotto/api/files';
import type { Kysely } from 'kysely';
import type { Events } from './events.ts';
import {
  deleteGrants,
  findHeard,
  type Grant,
  grantsOf,
  listGrants,
  lockStored,
  putGrant,
} from './grant-store.ts';
import { GRANTS_BY_OTHERS_MAX, GRANTS_PER_FILE_MAX, QUESTIONS_MAX } from './limits.ts';
import type { IsMember } from './memberships.ts';
import type { FileTables } from './schema.ts';
import { findStored, type StoredFile } from './store.ts';

export interface GrantDeps {
  query: Kysely<FileTables>;
  isMember: IsMember;
  events: Events;
}

/** The file, for someone who may read it. Throws `file.not-found`, `service.unavailable`. */
export async function findReadable(deps: GrantDeps, id: FileId, user: UserId): Promise<StoredFile> {
  const { query, isMember } = deps;
  const file = await findStored(query, id);
  if (file === undefined) throw new ApiError('file.not-found');
  if (file.owner === user) return file;
  const counts = async ({ conversation, heard, through }: Grant) => {
    if (!(await isMember(conversation, user, heard))) return false;
    if (through === undefined) return true;
    return isMember(through.conversation, through.grantor, through.heard);
  };
  const found = await findGrant(await listGrants(query, id, user), counts);
  if (found === undefined) throw new ApiError('file.not-found');
  return file;
}

/** The first of some grants that counts, as far as asked for. */
async function findGrant(
  grants: readonly Grant[],
  counts: (grant: Grant) => Promise<boolean>,
): Promise<Grant | undefined> {
  for (let from = 0; from < grants.length; from += QUESTIONS_MAX) {
    const some = grants.slice(from, from + QUESTIONS_MAX);
    const answers = await Promise.all(some.map(counts));
    const found = some[answers.indexOf(true)];
    if (found !== undefined) return found;
  }
  return undefined;
}

/** A file in a conversation, and who asks. */
export interface Sharing {
  id: FileId;
  conversation: ConversationId;
  user: UserId;
}

/**
 * Shares a file in a conversation of the user's: by its uploader, or by a member of a conversation that the uploader
 * shared it in, for as long as they are one. Repeating it changes nothing. Throws `file.not-found`,
 * `conversation.not-found`, `file.grant-limit`, `service.unavailable`.
 */
export async function grant(deps: GrantDeps, { id, conversation, user }: Sharing): Promise<void> {
  const via = await findWay(deps, id, user);
  const heard = await findHeard(deps.query, conversation, user);
  if (!(await deps.isMember(conversation, user, heard))) {
    throw new ApiError('conversation.not-found');
  }
  await deps.query.transaction().execute(async (transaction) => {
    if (!(await lockStored(transaction, id))) throw new ApiError('file.not-found');
    const grants = await grantsOf(transaction, id);
    const own = grants.filter((each) => each.via === null).map((each) => each.conversation);
    if (via !== null && !own.includes(via)) throw new ApiError('file.not-found');
    // Of others the latest stands: who shared it there before them may have left.
    if (own.includes(conversation)) return;
    const isNew = !grants.some((each) => each.conversation === conversation);
    const others = grants.length - own.length;
    const isFull =
      grants.length >= GRANTS_PER_FILE_MAX || (via !== null && others >= GRANTS_BY_OTHERS_MAX);
    if (isNew && isFull) throw new ApiError('file.grant-limit');
    await putGrant(transaction, { file: id, conversation, grantor: user, via });
  });
  deps.events.granted();
}

/** The conversation of the uploader's grants by which somebody may share a file; null for the uploader. */
async function findWay(
  { query, isMember }: GrantDeps,
  id: FileId,
  user: UserId,
): Promise<ConversationId | null> {
  const file = await findStored(query, id);
  if (file?.owner === user) return null;
  const grants = file === undefined ? [] : await listGrants(query, id, user);
  const own = grants.filter(({ through }) => through === undefined);
  const way = await findGrant(own, ({ conversation, heard }) =>
    isMember(conversation, user, heard),
  );
  if (way === undefined) throw new ApiError('file.not-found');
  return way.conversation;
}

/** Where a file is shared and by whom, for its uploader. Throws `file.not-found`. */
export async function describeGrants(
  { query }: Pick<GrantDeps, 'query'>,
  id: FileId,
  user: UserId,
): Promise<FileGrants> {
  const file = await findStored(query, id);
  if (file?.owner !== user) throw new ApiError('file.not-found');
  const grants = await grantsOf(query, id);
  return {
    grants: grants.map(({ conversation, grantor: grantedBy, created_at }) => {
      return { conversation, grantedBy, createdAt: created_at.toISOString() };
    }),
  };
}

/**
 * Shares a file in a conversation no more, nor where members of it have shared it by that, by its uploader; nothing happens when it is not shared there. Once this
 * resolves nobody reads it by that. Throws `file.not-found`.
 */
export async function revoke(
  { query, events }: Pick<GrantDeps, 'query' | 'events'>,
  { id, conversation, user }: Sharing,
): Promise<void> {
  await query.transaction().execute(async (transaction) => {
    if (!(await lockStored(transaction, id, user))) throw new ApiError('file.not-found');
    await deleteGrants(transaction, [id], conversation);
  });
  events.revoked();
}
