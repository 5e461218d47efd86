/** Conversations, sending, history and the user directory. */
import { z } from 'zod';
import { bytes } from './bytes.ts';
import { endpoint } from './endpoint.ts';
import { Address, ConversationId, DeviceId, MessageId, Seq, Timestamp, UserId } from './ids.ts';
import {
  CIPHERTEXT_BYTES_MAX,
  MESSAGE_BODY_BYTES_MAX,
  PAGE_ITEMS_MAX,
  RECIPIENTS_PER_MESSAGE_MAX,
} from './limits.ts';

const Ciphertext = bytes({ min: 1, max: CIPHERTEXT_BYTES_MAX });
const PageLimit = z.coerce.number().int().min(1).max(PAGE_ITEMS_MAX).default(PAGE_ITEMS_MAX);

/** One ciphertext and the device that can read it. */
export const Recipient = z.strictObject({ device: DeviceId, ciphertext: Ciphertext });
export type Recipient = z.infer<typeof Recipient>;

const recipients = z.array(Recipient).min(1).max(RECIPIENTS_PER_MESSAGE_MAX);

/**
 * What a client sends. The id is a UUIDv7 of its own: the same id with the same content may be sent any
 * number of times and is stored once.
 */
export const OutgoingMessage = z.discriminatedUnion('kind', [
  /** For exactly all devices of the other members and the sender's other devices, else `message.devices-stale`. */
  z.strictObject({
    kind: z.literal('direct'),
    id: MessageId,
    conversation: ConversationId,
    recipients,
  }),
  /** For any devices of members (key distribution, session repair); only unknown devices are refused. */
  z.strictObject({
    kind: z.literal('targeted'),
    id: MessageId,
    conversation: ConversationId,
    recipients,
  }),
]);
export type OutgoingMessage = z.infer<typeof OutgoingMessage>;

/** The answer to a send: on disk, and where in the conversation's order. */
export const Stored = z.object({
  id: MessageId,
  conversation: ConversationId,
  seq: Seq,
  sentAt: Timestamp,
});
export type Stored = z.infer<typeof Stored>;

/** A place in a conversation's order that holds a message for the asking device. */
export const MessageSlot = z.object({
  type: z.literal('message'),
  seq: Seq,
  id: MessageId,
  kind: z.enum(['direct', 'targeted']),
  sender: Address,
  sentAt: Timestamp,
  ciphertext: Ciphertext,
});
export type MessageSlot = z.infer<typeof MessageSlot>;

/** Places `from` to `to`, both inclusive, that hold nothing for the asking device. */
export const EmptySlots = z.object({ type: z.literal('none'), from: Seq, to: Seq });
export type EmptySlots = z.infer<typeof EmptySlots>;

/** One place, or a run of empty ones, in the order of a conversation. */
export const Slot = z.discriminatedUnion('type', [MessageSlot, EmptySlots]);
export type Slot = z.infer<typeof Slot>;

/**
 * A conversation as its members see it. `first` is the first place this member may read, `last` the newest place
 * taken, `cursor` the place up to which this device has acknowledged.
 */
export const Conversation = z.object({
  id: ConversationId,
  kind: z.enum(['direct']),
  members: z.array(UserId),
  version: z.int(),
  first: Seq,
  last: Seq,
  cursor: Seq,
});
export type Conversation = z.infer<typeof Conversation>;

const conversationParams = z.strictObject({ id: ConversationId });

export const createConversation = endpoint({
  id: 'createConversation',
  service: 'message',
  method: 'POST',
  path: '/api/v1/conversations',
  summary: 'Open the conversation with another user; the same one each time',
  access: 'user',
  body: z.strictObject({ kind: z.literal('direct'), with: UserId }),
  status: 200,
  response: Conversation,
  problems: ['conversation.member-unknown'],
});

export const listConversations = endpoint({
  id: 'listConversations',
  service: 'message',
  method: 'GET',
  path: '/api/v1/conversations',
  summary: "The caller's conversations, by id",
  access: 'user',
  query: z.strictObject({ after: ConversationId.optional(), limit: PageLimit }),
  status: 200,
  response: z.object({ incarnation: z.int(), conversations: z.array(Conversation) }),
  problems: [],
});

export const getConversation = endpoint({
  id: 'getConversation',
  service: 'message',
  method: 'GET',
  path: '/api/v1/conversations/{id}',
  summary: 'One conversation',
  access: 'user',
  params: conversationParams,
  status: 200,
  response: Conversation,
  problems: ['conversation.not-found'],
});

export const listMessages = endpoint({
  id: 'listMessages',
  service: 'message',
  method: 'GET',
  path: '/api/v1/conversations/{id}/messages',
  summary: "A conversation's slots in order, after or before a place",
  access: 'user',
  params: conversationParams,
  query: z
    .strictObject({
      /** Slots above this place, oldest first. */
      after: z.coerce.number().int().min(0).optional(),
      /** Slots below this place, the nearest ones, oldest first. */
      before: z.coerce.number().int().min(1).optional(),
      limit: PageLimit,
    })
    .refine((query) => query.after === undefined || query.before === undefined, {
      message: 'give after or before, not both',
    }),
  status: 200,
  response: z.object({
    incarnation: z.int(),
    first: Seq,
    last: Seq,
    slots: z.array(Slot),
  }),
  problems: ['conversation.not-found'],
});

export const sendMessage = endpoint({
  id: 'sendMessage',
  service: 'message',
  method: 'POST',
  path: '/api/v1/messages',
  summary: 'Send a message; answered when it is on disk',
  access: 'user',
  limited: 'by-itself',
  body: OutgoingMessage,
  bodyBytesMax: MESSAGE_BODY_BYTES_MAX,
  status: 200,
  response: Stored,
  problems: [
    'conversation.not-found',
    'message.id-conflict',
    'message.devices-stale',
    'message.busy',
  ],
});

export const inbox = endpoint({
  id: 'inbox',
  service: 'message',
  method: 'GET',
  path: '/api/v1/messages/inbox',
  summary: 'Messages that this device has not acknowledged, oldest first',
  access: 'user',
  query: z.strictObject({ limit: PageLimit }),
  status: 200,
  response: z.object({
    incarnation: z.int(),
    messages: z.array(MessageSlot.extend({ conversation: ConversationId })),
  }),
  problems: [],
});

export const acknowledgeMessage = endpoint({
  id: 'acknowledgeMessage',
  service: 'message',
  method: 'POST',
  path: '/api/v1/messages/{id}/ack',
  summary: 'This device has everything up to this message in its conversation',
  access: 'user',
  params: z.strictObject({ id: MessageId }),
  status: 204,
  problems: ['message.not-found'],
});

export const searchUsers = endpoint({
  id: 'searchUsers',
  service: 'message',
  method: 'GET',
  path: '/api/v1/users',
  summary: 'Users whose name starts with the given letters, without case',
  access: 'user',
  query: z.strictObject({ name: z.string().min(3).max(50) }),
  status: 200,
  response: z.object({ users: z.array(z.object({ user: UserId, username: z.string() })).max(10) }),
  problems: [],
});

export const openSocketTicket = endpoint({
  id: 'openSocketTicket',
  service: 'message',
  method: 'POST',
  path: '/api/v1/ws/tickets',
  summary: 'A ticket that opens one WebSocket of this session, for clients that cannot set headers',
  access: 'user',
  proof: 'when-bound',
  status: 200,
  response: z.object({
    /** Good once, and for `expiresIn` seconds; characters of base64url only. */
    ticket: z.string().regex(/^[A-Za-z0-9_-]{22,128}$/),
    expiresIn: z.int(),
  }),
  problems: ['service.unavailable'],
});

export const messageEndpoints = [
  createConversation,
  listConversations,
  getConversation,
  listMessages,
  sendMessage,
  inbox,
  acknowledgeMessage,
  searchUsers,
  openSocketTicket,
] as const;
