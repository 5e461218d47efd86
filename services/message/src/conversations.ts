/** Conversations as their members open and list them. */
import { randomUUID } from 'node:crypto';
import {
  type Answer,
  ApiError,
  type Conversation,
  ConversationId,
  type getConversation as getConversationEndpoint,
  type UserId,
} from '@sotto/api';
import type { Database, Outbox } from '@sotto/runtime';
import {
  type ConversationRow,
  findConversations,
  findDeviceLists,
  openDirect as storeDirect,
} from './conversation-store.ts';
import type { Copies } from './copies.ts';
import type { Cursors } from './cursors.ts';
import type { UserReader } from './history.ts';
import { foundGroup, type MembershipDeps } from './membership.ts';
import type { Tables } from './schema.ts';

export interface ConversationsDeps {
  database: Pick<Database<Tables>, 'query'>;
  copies: Pick<Copies, 'hasUser'>;
  cursors: Pick<Cursors, 'pending'>;
  outbox: Pick<Outbox, 'nudge'>;
}

/**
 * The conversation of two users, the same one each time. Throws `request.invalid` for a conversation with oneself and
 * `conversation.member-unknown` when there is no such user.
 */
export async function openDirect(
  deps: ConversationsDeps,
  reader: UserReader,
  other: UserId,
): Promise<Conversation> {
  if (other === reader.user) {
    const detail = 'a direct conversation has two members';
    throw new ApiError('request.invalid', { detail, fields: ['with'] });
  }
  if (!(await deps.copies.hasUser(other))) throw new ApiError('conversation.member-unknown');
  const newId = ConversationId.parse(randomUUID());
  const id = await storeDirect(deps.database.query, [reader.user, other], newId);
  if (id === undefined) throw new ApiError('conversation.member-unknown');
  deps.outbox.nudge();
  return getConversation(deps, reader, id);
}

/**
 * The group that a `create` entry founds. Throws as `foundGroup`, and `conversation.exists` when the author has left it
 * since.
 */
export async function openGroup(
  deps: ConversationsDeps & MembershipDeps,
  reader: UserReader,
  entry: Uint8Array,
): Promise<Conversation> {
  const conversation = await foundGroup(deps, reader, entry);
  const [row] = await findConversations(deps.database, reader, { id: conversation });
  if (row === undefined) throw new ApiError('conversation.exists');
  return toConversation(row, deps.cursors.pending(reader.device, conversation));
}

/**
 * One conversation of a member; a group with the versions of its members' device lists, as far as this service has copies.
 * Throws `conversation.not-found` for everyone else.
 */
export async function getConversation(
  { database, cursors }: ConversationsDeps,
  reader: UserReader,
  id: ConversationId,
): Promise<Answer<typeof getConversationEndpoint>> {
  const [row] = await findConversations(database, reader, { id });
  if (row === undefined) throw new ApiError('conversation.not-found');
  const conversation = toConversation(row, cursors.pending(reader.device, id));
  if (conversation.kind === 'direct') return conversation;
  const found = await findDeviceLists(database.query, conversation.members);
  const lists = [...found.values()].map(({ user, version }) => ({ user, version }));
  return { ...conversation, lists };
}

/** A page of a user's conversations by id. */
export async function listConversations(
  { database, cursors }: ConversationsDeps,
  reader: UserReader,
  page: { after: ConversationId | undefined; limit: number },
): Promise<Conversation[]> {
  const rows = await findConversations(database, reader, page);
  return rows.map((row) => toConversation(row, cursors.pending(reader.device, row.conversation)));
}

function toConversation(row: ConversationRow, pending = 0): Conversation {
  const { conversation: id, kind, members, first, last } = row;
  const { admins, title, requested, muted_until: mutedUntil } = row;
  // Of two it counts more than members do: it would tell whom the other one blocks.
  const version = kind === 'group' ? row.version : 1;
  return {
    ...{ id, kind, members, version, first, last },
    cursor: Math.max(row.cursor, pending),
    ...(kind === 'group' && { admins }),
    ...(title !== null && { title }),
    ...(requested && { requested: true }),
    ...(mutedUntil !== null && { mutedUntil: mutedUntil.toISOString() }),
  };
}
