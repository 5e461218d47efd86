/**
 * Who may read a file: its uploader, and the members of every conversation that it is shared in.
 *
 * For everybody else it is not there: unknown, hidden and forbidden files are one and the same answer, which
 * `test/file.test.ts` proves.
 */
import { ApiError, type ConversationId, type FileId, type UserId } from '@sotto/api';
import type { Kysely } from 'kysely';
import type { Events } from './events.ts';
import {
  conversationsOf,
  deleteGrants,
  findHeard,
  insertGrant,
  listGrants,
  lockStored,
} from './grant-store.ts';
import { GRANTS_PER_FILE_MAX, QUESTIONS_MAX } from './limits.ts';
import type { IsMember } from './memberships.ts';
import type { FileTables } from './schema.ts';
import { findStored, type StoredFile } from './store.ts';

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
  const grants = await listGrants(query, id, user);
  for (let from = 0; from < grants.length; from += QUESTIONS_MAX) {
    const some = grants.slice(from, from + QUESTIONS_MAX);
    const members = await Promise.all(
      some.map(({ conversation, heard }) => isMember(conversation, user, heard)),
    );
    if (members.includes(true)) return file;
  }
  throw new ApiError('file.not-found');
}

/** A file in a conversation, and who asks. */
export interface Sharing {
  id: FileId;
  conversation: ConversationId;
  user: UserId;
}

/**
 * Shares a file, by anyone who may read it, in a conversation of theirs. Repeating it changes nothing. Throws
 * `file.not-found`, `conversation.not-found`, `file.grant-limit`, `service.unavailable`.
 */
export async function grant(deps: GrantDeps, { id, conversation, user }: Sharing): Promise<void> {
  await findReadable(deps, id, user);
  const heard = await findHeard(deps.query, conversation, user);
  if (!(await deps.isMember(conversation, user, heard))) {
    throw new ApiError('conversation.not-found');
  }
  await deps.query.transaction().execute(async (transaction) => {
    if (!(await lockStored(transaction, id))) throw new ApiError('file.not-found');
    const conversations = await conversationsOf(transaction, id);
    if (conversations.includes(conversation)) return;
    if (conversations.length >= GRANTS_PER_FILE_MAX) throw new ApiError('file.grant-limit');
    await insertGrant(transaction, id, conversation);
  });
  deps.events.granted();
}

/**
 * Shares a file in a conversation no more, by its uploader; nothing happens when it is not shared there. Once this
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
