/** Other people, as the platform knows them: finding them, and what they ask. */
import {
  acceptConversation,
  type Conversation,
  type ConversationId,
  getConversation,
  getUser,
  listConversations,
  muteConversation,
  PAGE_ITEMS_MAX,
  searchUsers,
  setPresence,
  type UserEntry,
  type UserId,
} from '@sotto/api';
import type { Call } from '../connection/call.ts';
import type { Abortable } from '../connection/heeding.ts';
import { ClientError } from '../errors.ts';

/** A page of the directory. */
export interface DirectoryPage {
  /** The first letters of names, without case. */
  readonly name?: string;
  /** The last name of the page before, where the directory is open. */
  readonly after?: string;
  readonly limit?: number;
}

/** A conversation that a stranger has begun, or has added this account to. */
export interface MessageRequest {
  readonly conversation: ConversationId;
  readonly kind: 'direct' | 'group';
  /** With this account. */
  readonly members: readonly UserId[];
}

/** How this account stands to a conversation; nobody else is told. */
export interface Standing {
  /** It was not accepted yet. */
  readonly isRequested: boolean;
  /** Until then it wakes none of the account's devices. */
  readonly mutedUntil?: Date;
}

/** A page of the directory. */
export async function listPeople(
  call: Call,
  page: DirectoryPage,
  { signal }: Abortable,
): Promise<UserEntry[]> {
  return (await call(searchUsers, { query: page }, { signal })).users;
}

/**
 * One user whom this account has met, or any where the directory is open. Throws `user.not-found` for others, and
 * `answer.invalid` when the platform names somebody else.
 */
export async function findPerson(call: Call, user: UserId): Promise<UserEntry> {
  const found = await call(getUser, { params: { user_id: user } });
  if (found.user !== user) throw new ClientError('answer.invalid', 'another user came');
  return found;
}

/** Shows whether this account is there, or hides it and that of all others. */
export function showPresence(call: Call, visible: boolean): Promise<void> {
  return call(setPresence, { body: { visible } });
}

/** Conversations that wait to be accepted. Throws `answer.invalid` when the platform's list has no end. */
export async function listRequests(call: Call): Promise<MessageRequest[]> {
  const requests: MessageRequest[] = [];
  for (let after: ConversationId | undefined; ; ) {
    const query = { limit: PAGE_ITEMS_MAX, ...(after && { after }) };
    const { conversations } = await call(listConversations, { query });
    for (const { id, kind, members, requested } of conversations) {
      if (after !== undefined && id <= after) {
        throw new ClientError('answer.invalid', 'the list of conversations runs in a circle');
      }
      after = id;
      if (requested) requests.push({ conversation: id, kind, members });
    }
    if (conversations.length < PAGE_ITEMS_MAX) return requests;
  }
}

/** Makes a request a conversation like any other. */
export function acceptRequest(call: Call, id: ConversationId): Promise<void> {
  return call(acceptConversation, { params: { id } });
}

/** Lets nothing of a conversation wake the account's devices until a moment; null for no longer. */
export function mute(call: Call, id: ConversationId, until: Date | null): Promise<void> {
  return call(muteConversation, {
    params: { id },
    body: { until: until?.toISOString() ?? null },
  });
}

/** How the account stands to a conversation. */
export async function readStanding(call: Call, id: ConversationId): Promise<Standing> {
  const { requested, mutedUntil }: Conversation = await call(getConversation, { params: { id } });
  const muted = mutedUntil === undefined ? {} : { mutedUntil: new Date(mutedUntil) };
  return { isRequested: requested === true, ...muted };
}
