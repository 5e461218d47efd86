/** SQL over who knows whom. */
import type { ConversationId, UserId } from '@sotto/api';
import type { Database } from '@sotto/runtime';
import { type Kysely, sql } from 'kysely';
import { HINTED_CONVERSATIONS_MAX, HINTED_USERS_MAX } from './limits.ts';
import type { Tables } from './schema.ts';

/**
 * Those who share a conversation with a user, in part when there are very many. Also those of a group that the user gets
 * nothing of: what is sent there is keyed for the devices of everyone in its log. Index: conversation_members_user, then
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
      where user_id = ${user} and (left_seq is null or role is not null)
      limit ${HINTED_CONVERSATIONS_MAX}
    ) mine
    join conversation_members other on other.conversation = mine.conversation
    where other.left_seq is null and other.user_id <> ${user}
    limit ${HINTED_USERS_MAX}
  `.execute(query);
  return rows.map(({ user_id }) => user_id);
}

/**
 * Those of some users whom a user has met: in a conversation, or in one of them, where one may read what the other wrote
 * or finds the other in the membership log. Index: conversation_members_user, then the primary key.
 */
export async function findMet(
  { query }: Pick<Database<Tables>, 'query'>,
  user: UserId,
  { others, conversation }: { others: readonly UserId[]; conversation?: ConversationId },
): Promise<Set<UserId>> {
  const { rows } = await sql<{ user_id: UserId }>`
    select distinct other.user_id
    from conversation_members mine
    join conversation_members other on other.conversation = mine.conversation
    where mine.user_id = ${user} and other.user_id = any(${others}::uuid[])
      and mine.conversation = coalesce(${conversation ?? null}::uuid, mine.conversation)
      and (mine.left_seq is null
        or mine.left_seq > greatest(mine.joined_seq, other.joined_seq))
      and (other.left_seq is null or other.left_seq > mine.joined_seq or other.role is not null)
  `.execute(query);
  return new Set(rows.map(({ user_id }) => user_id));
}

/**
 * Those of some users to whom a host is a stranger: they share no conversation that both have accepted. Index:
 * conversation_members_user, then the primary key.
 */
export async function findStrangers(
  query: Kysely<Tables>,
  host: UserId,
  users: readonly UserId[],
): Promise<Set<UserId>> {
  if (users.length === 0) return new Set();
  const { rows } = await sql<{ user_id: UserId }>`
    select u.user_id from unnest(${users}::uuid[]) as u (user_id)
    where not exists (
      select from conversation_members mine
      join conversation_members theirs on theirs.conversation = mine.conversation
      where mine.user_id = ${host} and mine.left_seq is null and not mine.requested
        and theirs.user_id = u.user_id and theirs.left_seq is null and not theirs.requested
    )
  `.execute(query);
  return new Set(rows.map(({ user_id }) => user_id));
}
