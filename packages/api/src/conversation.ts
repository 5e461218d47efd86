/** Conversations: of two, and groups, which are their membership log (ADR 10). */
import * as z from 'zod/mini';
import { bytes } from './bytes.ts';
import { endpoint } from './endpoint.ts';
import { ConversationId, Seq, Timestamp, UserId } from './ids.ts';
import {
  GROUP_TITLE_BYTES_MAX,
  MEMBERSHIP_ENTRY_BYTES_MAX,
  MEMBERSHIP_VERSION_MAX,
  PAGE_ITEMS_MAX,
} from './limits.ts';

const PageLimit = z._default(
  z.coerce.number().check(z.int(), z.minimum(1), z.maximum(PAGE_ITEMS_MAX)),
  PAGE_ITEMS_MAX,
);

/** A signed entry of a membership log, as `@sotto/crypto` encodes it. */
const Entry = bytes({ min: 1, max: MEMBERSHIP_ENTRY_BYTES_MAX });

/** A group's title as its members encrypt it; the log holds its digest. */
const Title = bytes({ min: 1, max: GROUP_TITLE_BYTES_MAX });

/**
 * A conversation as its members see it. `first` is the first place this member may read, `last` the newest place
 * taken, `cursor` the place up to which this device has acknowledged.
 */
export const Conversation = z.object({
  id: ConversationId,
  kind: z.enum(['direct', 'group']),
  members: z.array(UserId),
  /** Of a group: its membership log's. */
  version: z.int(),
  first: Seq,
  last: Seq,
  cursor: Seq,
  /** Of a group: those members who may change it. */
  admins: z.optional(z.array(UserId)),
  /** Of a group that was given one, by the newest `rename`. */
  title: z.optional(Title),
  /** A stranger began it, or added the caller, who has not accepted it yet. */
  requested: z.optional(z.literal(true)),
  /** Until then nothing of it wakes the caller's devices. */
  mutedUntil: z.optional(Timestamp),
});
export type Conversation = z.infer<typeof Conversation>;

/** The platform's count of the changes of a member's devices; see `GroupAudience`. */
const DeviceListVersion = z.object({ user: UserId, version: z.int() });

const conversationParams = z.strictObject({ id: ConversationId });

export const createConversation = endpoint({
  id: 'createConversation',
  service: 'message',
  method: 'POST',
  path: '/api/v1/conversations',
  access: 'user',
  body: z.discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('direct'), with: UserId }),
    /** The log's first entry, which names the conversation. The same entry again is answered alike. */
    z.strictObject({ kind: z.literal('group'), entry: Entry }),
  ]),
  status: 200,
  response: Conversation,
  problems: [
    'conversation.member-unknown',
    'conversation.exists',
    'conversation.entry-invalid',
    'conversation.entry-refused',
  ],
});

export const listConversations = endpoint({
  id: 'listConversations',
  service: 'message',
  method: 'GET',
  path: '/api/v1/conversations',
  access: 'user',
  query: z.strictObject({ after: z.optional(ConversationId), limit: PageLimit }),
  status: 200,
  response: z.object({ incarnation: z.int(), conversations: z.array(Conversation) }),
  problems: [],
});

export const getConversation = endpoint({
  id: 'getConversation',
  service: 'message',
  method: 'GET',
  path: '/api/v1/conversations/{id}',
  access: 'user',
  params: conversationParams,
  status: 200,
  response: z.extend(Conversation, {
    /**
     * Of a group: the newest device list of each member as a group message names it, so that the first one need not be
     * refused. Of a member who is missing here, a refusal tells.
     */
    lists: z.optional(z.array(DeviceListVersion)),
  }),
  problems: ['conversation.not-found'],
});

export const changeMembership = endpoint({
  id: 'changeMembership',
  service: 'message',
  method: 'POST',
  path: '/api/v1/conversations/{id}/membership',
  access: 'user',
  params: conversationParams,
  body: z.strictObject({
    entry: Entry,
    /** With a `rename`, and only then. */
    title: z.optional(Title),
  }),
  status: 200,
  response: z.object({
    version: z.int(),
    /** The place that the entry took: who was removed gets nothing above it, who was added nothing below. */
    seq: Seq,
  }),
  problems: [
    'conversation.not-found',
    'conversation.version-conflict',
    'conversation.member-unknown',
    'conversation.entry-invalid',
    'conversation.entry-refused',
  ],
});

export const listMembership = endpoint({
  id: 'listMembership',
  service: 'message',
  method: 'GET',
  path: '/api/v1/conversations/{id}/membership',
  access: 'user',
  params: conversationParams,
  query: z.strictObject({
    /** A version. */
    after: z._default(
      z.coerce.number().check(z.int(), z.minimum(0), z.maximum(MEMBERSHIP_VERSION_MAX)),
      0,
    ),
    limit: PageLimit,
  }),
  status: 200,
  response: z.object({
    /** The newest version that the caller may see. */
    version: z.int(),
    entries: z.array(z.object({ version: z.int(), seq: Seq, entry: Entry })),
  }),
  problems: ['conversation.not-found'],
});

export const acceptConversation = endpoint({
  id: 'acceptConversation',
  service: 'message',
  method: 'POST',
  path: '/api/v1/conversations/{id}/accept',
  access: 'user',
  params: conversationParams,
  status: 204,
  problems: ['conversation.not-found'],
});

export const muteConversation = endpoint({
  id: 'muteConversation',
  service: 'message',
  method: 'PUT',
  path: '/api/v1/conversations/{id}/mute',
  access: 'user',
  params: conversationParams,
  body: z.strictObject({ until: z.nullable(Timestamp) }),
  status: 204,
  problems: ['conversation.not-found'],
});

export const conversationEndpoints = [
  createConversation,
  listConversations,
  getConversation,
  changeMembership,
  listMembership,
  acceptConversation,
  muteConversation,
] as const;
