/** SQL over who knows whom. */
import type { UserId } from '@sotto/api';
import type { Database } from '@sotto/runtime';
import { sql } from 'kysely';
import { HINTED_CONVERSATIONS_MAX, HINTED_USERS_MAX } from './limits.ts';
import type { Tables } from './schema.ts';

/**
 * Those who share a conversation with a user, in part when there are very many. Index: conversation_members_user, then
 * the primary key.
 */
export async function findAcquaintances(
  { query }: Pick<Database<Tables>, 'query'>,
  user: UserId,
): Promise<UserId[]> {
  const { rows } = await sql<{ user_id: UserId }>`
    select distinct other.user_id
    from (
      select conversation from conversation_members
      where user_id = ${user} and left_seq is null limit ${HINTED_CONVERSATIONS_MAX}
    ) mine
    join conversation_members other on other.conversation = mine.conversation
    where other.left_seq is null and other.user_id <> ${user}
    limit ${HINTED_USERS_MAX}
  `.execute(query);
  return rows.map(({ user_id }) => user_id);
}
