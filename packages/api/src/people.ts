/** Other people: the directory, who is there, blocks and reports. */
import * as z from 'zod/mini';
import { endpoint } from './endpoint.ts';
import { ConversationId, MessageId, Timestamp, UserId } from './ids.ts';
import {
  PAGE_ITEMS_MAX,
  REPORT_NOTE_LENGTH_MAX,
  REPORT_TEXT_LENGTH_MAX,
  REPORTED_MESSAGES_MAX,
} from './limits.ts';

/** Whether somebody is there. Known of those only who share an accepted conversation and show it, as the asker does. */
export const Presence = z.object({
  online: z.boolean(),
  /** Rounded down to ten minutes; absent while online. */
  lastSeen: z.optional(Timestamp),
});
export type Presence = z.infer<typeof Presence>;

/** A user as others find them. */
export const UserEntry = z.object({
  user: UserId,
  username: z.string(),
  presence: z.optional(Presence),
});
export type UserEntry = z.infer<typeof UserEntry>;

const userParams = z.strictObject({ user_id: UserId });

export const searchUsers = endpoint({
  id: 'searchUsers',
  service: 'message',
  method: 'GET',
  path: '/api/v1/users',
  access: 'user',
  query: z.strictObject({
    /** Three letters at least where the directory is not `open`, and ten users at most are found then. */
    name: z.optional(z.string().check(z.minLength(1), z.maxLength(50))),
    /** The last name of the page before. */
    after: z.optional(z.string().check(z.minLength(1), z.maxLength(50))),
    limit: z._default(
      z.coerce.number().check(z.int(), z.minimum(1), z.maximum(PAGE_ITEMS_MAX)),
      PAGE_ITEMS_MAX,
    ),
  }),
  status: 200,
  response: z.object({ users: z.array(UserEntry) }),
  problems: ['user.directory-off'],
});

export const getUser = endpoint({
  id: 'getUser',
  service: 'message',
  method: 'GET',
  path: '/api/v1/users/{user_id}',
  access: 'user',
  params: userParams,
  status: 200,
  response: UserEntry,
  problems: ['user.not-found'],
});

export const announcePresence = endpoint({
  id: 'announcePresence',
  service: 'message',
  method: 'POST',
  path: '/api/v1/presence',
  access: 'user',
  status: 204,
  problems: [],
});

export const setPresence = endpoint({
  id: 'setPresence',
  service: 'message',
  method: 'PUT',
  path: '/api/v1/presence',
  access: 'user',
  body: z.strictObject({ visible: z.boolean() }),
  status: 204,
  problems: [],
});

export const listBlocks = endpoint({
  id: 'listBlocks',
  service: 'message',
  method: 'GET',
  path: '/api/v1/blocks',
  access: 'user',
  status: 200,
  response: z.object({ users: z.array(UserId) }),
  problems: [],
});

export const blockUser = endpoint({
  id: 'blockUser',
  service: 'message',
  method: 'PUT',
  path: '/api/v1/blocks/{user_id}',
  access: 'user',
  params: userParams,
  status: 204,
  problems: ['user.not-found', 'user.block-limit'],
});

export const unblockUser = endpoint({
  id: 'unblockUser',
  service: 'message',
  method: 'DELETE',
  path: '/api/v1/blocks/{user_id}',
  access: 'user',
  params: userParams,
  status: 204,
  problems: [],
});

export const reportUser = endpoint({
  id: 'reportUser',
  service: 'message',
  method: 'POST',
  path: '/api/v1/reports',
  access: 'user',
  body: z.strictObject({
    user: UserId,
    conversation: z.optional(ConversationId),
    reason: z.enum(['spam', 'abuse', 'illegal', 'other']),
    note: z.optional(z.string().check(z.maxLength(REPORT_NOTE_LENGTH_MAX))),
    /** Plaintext by the caller's own account; the platform cannot check it. */
    messages: z._default(
      z
        .array(
          z.strictObject({
            id: MessageId,
            sentAt: Timestamp,
            text: z.string().check(z.maxLength(REPORT_TEXT_LENGTH_MAX)),
          }),
        )
        .check(z.maxLength(REPORTED_MESSAGES_MAX)),
      [],
    ),
  }),
  status: 201,
  response: z.object({ report: z.uuid() }),
  problems: ['user.not-found', 'conversation.not-found'],
});

export const peopleEndpoints = [
  searchUsers,
  getUser,
  announcePresence,
  setPresence,
  listBlocks,
  blockUser,
  unblockUser,
  reportUser,
] as const;
