/** Messages: sending, history, and what a device has not acknowledged. */
import * as z from 'zod/mini';
import { bytes, bytesOf } from './bytes.ts';
import { endpoint } from './endpoint.ts';
import { Address, ConversationId, DeviceId, MessageId, Seq, Timestamp } from './ids.ts';
import {
  CIPHERTEXT_BYTES_MAX,
  MEMBERSHIP_ENTRY_BYTES_MAX,
  MESSAGE_BODY_BYTES_MAX,
  PAGE_ITEMS_MAX,
  RECIPIENTS_PER_MESSAGE_MAX,
} from './limits.ts';

const Ciphertext = bytes({ min: 1, max: CIPHERTEXT_BYTES_MAX });
const PageLimit = z._default(
  z.coerce.number().check(z.int(), z.minimum(1), z.maximum(PAGE_ITEMS_MAX)),
  PAGE_ITEMS_MAX,
);

/** One ciphertext and the device that can read it. */
export const Recipient = z.strictObject({ device: DeviceId, ciphertext: Ciphertext });
export type Recipient = z.infer<typeof Recipient>;

const recipients = z
  .array(Recipient)
  .check(z.minLength(1), z.maxLength(RECIPIENTS_PER_MESSAGE_MAX));

/** What every kind of message says. */
const heading = {
  id: MessageId,
  conversation: ConversationId,
  /** Devices that are not connected are woken at once, not when it suits them. */
  urgent: z.optional(z.boolean()),
  /** From then on the platform gives it to nobody: its place is an empty slot. */
  expiresAt: z.optional(Timestamp),
};

/**
 * What a client sends. The id is a UUIDv7 of its own: the same id with the same content may be sent any
 * number of times and is stored once.
 */
export const OutgoingMessage = z.discriminatedUnion('kind', [
  /** For exactly all devices of the other members and the sender's other devices, else `message.devices-stale`. */
  z.strictObject({ kind: z.literal('direct'), ...heading, recipients }),
  /** For any devices of members (key distribution, session repair); only unknown devices are refused. */
  z.strictObject({ kind: z.literal('targeted'), ...heading, recipients }),
  /**
   * One ciphertext for all devices of all members of a group but the sending one, else `message.group-stale`. The sender
   * says which members and devices it was keyed for.
   */
  z.strictObject({
    kind: z.literal('group'),
    ...heading,
    ciphertext: Ciphertext,
    /** Of the group's membership log. */
    version: z.int().check(z.minimum(1)),
    /** `digestDeviceLists` of `@sotto/crypto` over all members. */
    lists: bytesOf(32),
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
  kind: z.enum(['direct', 'targeted', 'group']),
  sender: Address,
  sentAt: Timestamp,
  ciphertext: Ciphertext,
});
export type MessageSlot = z.infer<typeof MessageSlot>;

/** A place that holds an entry of the group's membership log, for all who were members before or after it. */
export const MembershipSlot = z.object({
  type: z.literal('membership'),
  seq: Seq,
  sentAt: Timestamp,
  entry: bytes({ min: 1, max: MEMBERSHIP_ENTRY_BYTES_MAX }),
});
export type MembershipSlot = z.infer<typeof MembershipSlot>;

/** Places `from` to `to`, both inclusive, that hold nothing for the asking device. */
export const EmptySlots = z.object({ type: z.literal('none'), from: Seq, to: Seq });
export type EmptySlots = z.infer<typeof EmptySlots>;

/** One place, or a run of empty ones, in the order of a conversation. */
export const Slot = z.discriminatedUnion('type', [MessageSlot, MembershipSlot, EmptySlots]);
export type Slot = z.infer<typeof Slot>;

const conversationParams = z.strictObject({ id: ConversationId });

export const listMessages = endpoint({
  id: 'listMessages',
  service: 'message',
  method: 'GET',
  path: '/api/v1/conversations/{id}/messages',
  access: 'user',
  params: conversationParams,
  query: z
    .strictObject({
      /** Slots above this place, oldest first. */
      after: z.optional(z.coerce.number().check(z.int(), z.minimum(0))),
      /** Slots below this place, the nearest ones, oldest first. */
      before: z.optional(z.coerce.number().check(z.int(), z.minimum(1))),
      limit: PageLimit,
    })
    .check(
      z.refine((query) => query.after === undefined || query.before === undefined, {
        message: 'give after or before, not both',
      }),
    ),
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
  access: 'user',
  limited: 'by-itself',
  body: OutgoingMessage,
  bodyBytesMax: MESSAGE_BODY_BYTES_MAX,
  status: 200,
  response: Stored,
  problems: [
    'conversation.not-found',
    'message.id-conflict',
    'message.too-old',
    'message.devices-stale',
    'message.group-stale',
    'message.busy',
  ],
});

export const inbox = endpoint({
  id: 'inbox',
  service: 'message',
  method: 'GET',
  path: '/api/v1/messages/inbox',
  access: 'user',
  query: z.strictObject({ limit: PageLimit }),
  status: 200,
  response: z.object({
    incarnation: z.int(),
    messages: z.array(z.extend(MessageSlot, { conversation: ConversationId })),
  }),
  problems: [],
});

export const acknowledgeMessage = endpoint({
  id: 'acknowledgeMessage',
  service: 'message',
  method: 'POST',
  path: '/api/v1/messages/{id}/ack',
  access: 'user',
  params: z.strictObject({ id: MessageId }),
  status: 204,
  problems: ['message.not-found'],
});

export const openSocketTicket = endpoint({
  id: 'openSocketTicket',
  service: 'message',
  method: 'POST',
  path: '/api/v1/ws/tickets',
  access: 'user',
  proof: 'when-bound',
  status: 200,
  response: z.object({
    /** Good once, and for `expiresIn` seconds; characters of base64url only. */
    ticket: z.string().check(z.regex(/^[A-Za-z0-9_-]{22,128}$/)),
    expiresIn: z.int(),
  }),
  problems: ['service.unavailable'],
});

export const messageEndpoints = [
  listMessages,
  sendMessage,
  inbox,
  acknowledgeMessage,
  openSocketTicket,
] as const;
