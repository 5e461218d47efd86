/** What a member decides about a conversation for themselves; the others neither see it nor are told. */
import { ApiError, type ConversationId, type UserId } from '@sotto/api';
import type { Database } from '@sotto/runtime';
import type { Tables } from './schema.ts';

type OwnDatabase = Pick<Database<Tables>, 'query'>;

interface Own {
  user: UserId;
  conversation: ConversationId;
}

/** Accepts a message request; again is no fault. Throws `conversation.not-found` for whoever is no member now. */
export function accept(database: OwnDatabase, own: Own): Promise<void> {
  return change(database, own, { requested: false });
}

/** Lets nothing of a conversation wake the user's devices until a moment. Throws `conversation.not-found` likewise. */
export function mute(database: OwnDatabase, own: Own, until: string | null): Promise<void> {
  return change(database, own, { muted_until: until === null ? null : new Date(until) });
}

/** Index: primary key. */
async function change(
  { query }: OwnDatabase,
  { user, conversation }: Own,
  values: { requested: false } | { muted_until: Date | null },
): Promise<void> {
  const { numUpdatedRows } = await query
    .updateTable('conversation_members')
    .set(values)
    .where('conversation', '=', conversation)
    .where('user_id', '=', user)
    .where('left_seq', 'is', null)
    .executeTakeFirst();
  if (numUpdatedRows === 0n) throw new ApiError('conversation.not-found');
}
