/** SQL over who is in a conversation, as far as signals go by it. */
import type { ConversationId, UserId } from '@sotto/api';
import type { Database } from '@sotto/runtime';
import { sql } from 'kysely';
import { KIND_NUMBERS } from './message-kind.ts';
import type { Tables } from './schema.ts';

/** A member of now. */
export interface CircleRow {
  conversation: ConversationId;
  user_id: UserId;
  requested: boolean;
  /** Other members whom this one has blocked. */
  blocked: UserId[];
}

/** The members of conversations. Index: primary keys. */
export async function findCircles(
  { query }: Pick<Database<Tables>, 'query'>,
  conversations: readonly ConversationId[],
): Promise<CircleRow[]> {
  const { rows } = await sql<CircleRow>`
    select m.conversation, m.user_id, m.requested, array(
      select b.blocked from blocks b
      join conversation_members o on o.conversation = m.conversation and o.user_id = b.blocked
      where b.blocker = m.user_id and o.left_seq is null
    ) as blocked
    from conversation_members m
    where m.conversation = any(${conversations}::uuid[]) and m.left_seq is null
  `.execute(query);
  return rows;
}

/** Places of a conversation, the first exclusive and the last inclusive. */
export interface Places {
  readonly conversation: ConversationId;
  readonly above: number;
  readonly upTo: number;
}

/** Who sent what took some places. Index: primary key of `messages`. */
export async function findSenders(
  { query }: Pick<Database<Tables>, 'query'>,
  places: readonly Places[],
): Promise<{ place: number; sender: UserId }[]> {
  const conversations = places.map(({ conversation }) => conversation);
  const aboves = places.map(({ above }) => above);
  const lasts = places.map(({ upTo }) => upTo);
  const { rows } = await sql<{ place: number; sender: UserId }>`
    select distinct p.place - 1 as place, m.sender_user as sender
    from unnest(${conversations}::uuid[], ${aboves}::bigint[], ${lasts}::bigint[])
      with ordinality as p (conversation, above, up_to, place)
    join messages m
      on m.conversation = p.conversation and m.seq > p.above and m.seq <= p.up_to
    where m.kind <> ${KIND_NUMBERS.membership}
  `.execute(query);
  return rows;
}
