/**
 * Who may read a file: its uploader, and the members of every conversation that it is shared in.
 *
 * For everybody else it is not there: unknown, hidden and forbidden files are one and the same answer, which
 * `test/file.test.ts` proves.
 */
import { ApiError, type ConversationId, type FileId, type UserId } from '@sotto/api';
import type { Kysely } from 'kysely';
import type { Events } from './events.ts';
import { GRANTS_PER_FILE_MAX, QUESTIONS_MAX } from './limits.ts';
import type { IsMember } from './memberships.ts';
import type { FileTables } from './schema.ts';
import { findStored, insertGrant, listGrants, lockStored, type StoredFile } from './store.ts';

export interface GrantDeps {
  query: Kysely<FileTables>;
  isMember: IsMember;
  events: Events;
}

/** The file, for someone who may read it. Throws `file.not-found`, `service.unavailable`. */
export async function findReadable(
  { query, isMember }: GrantDeps,
  id: FileId,
  user: UserId,
): Promise<StoredFile> {
  const file = await findStored(query, id);
  if (file === undefined) throw new ApiError('file.not-found');
  if (file.owner === user) return file;
  const conversations = await listGrants(query, id);
  for (let from = 0; from < conversations.length; from += QUESTIONS_MAX) {
    const some = conversations.slice(from, from + QUESTIONS_MAX);
    const members = await Promise.all(some.map((conversation) => isMember(conversation, user)));
    if (members.includes(true)) return file;
  }
  throw new ApiError('file.not-found');
}

/**
 * Shares a file, by anyone who may read it, in a conversation of theirs. Repeating it changes nothing. Throws
 * `file.not-found`, `conversation.not-found`, `file.grant-limit`, `service.unavailable`.
 */
export async function grant(
  deps: GrantDeps,
  id: FileId,
  { conversation, user }: { conversation: ConversationId; user: UserId },
): Promise<void> {
  await findReadable(deps, id, user);
  if (!(await deps.isMember(conversation, user))) throw new ApiError('conversation.not-found');
  await deps.query.transaction().execute(async (transaction) => {
    if (!(await lockStored(transaction, id))) throw new ApiError('file.not-found');
    const conversations = await listGrants(transaction, id);
    if (conversations.includes(conversation)) return;
    if (conversations.length >= GRANTS_PER_FILE_MAX) throw new ApiError('file.grant-limit');
    await insertGrant(transaction, id, conversation);
  });
  deps.events.granted();
}
