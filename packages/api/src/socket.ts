/**
 * The frames of the WebSocket at `/api/v1/ws`: JSON text, one frame a message.
 *
 * After `hello` the server sends, conversation by conversation, what lies above the device's cursor
 * (`catch-up`, `slots` …, the last with `caughtUp`), then live slots as they are committed. Within a
 * conversation slots arrive in order of `seq` without holes; an id seen before is to be dropped.
 */
import * as z from 'zod/mini';
import { bytes } from './bytes.ts';
import { Address, ConversationId, DeviceId, MessageId, Seq, UserId } from './ids.ts';
import {
  CURSORS_PER_FRAME_MAX,
  EPHEMERAL_BYTES_MAX,
  RECIPIENTS_PER_MESSAGE_MAX,
  WATCHED_USERS_MAX,
} from './limits.ts';
import { OutgoingMessage, Slot, Stored } from './message.ts';
import { Presence } from './people.ts';
import { Problem } from './problem.ts';

/** Where the socket opens. */
export const SOCKET_PATH = '/api/v1/ws';

/** The subprotocol that a client offers and the server selects. */
export const SOCKET_PROTOCOL = 'sotto.v1';

/**
 * Before the ticket of `openSocketTicket`, as a second subprotocol offered: `ticket.<ticket>`. Browsers and Node's
 * own WebSocket set no headers, and a URL ends up in logs. The server never selects this one.
 */
export const SOCKET_TICKET_PREFIX = 'ticket.';

/** A ticket is used at once; it only has to outlive one connection attempt. */
export const SOCKET_TICKET_SECONDS = 30;

/** Close codes of ours; each says what the client is to do. */
export const CLOSE_CODES = {
  /** The access token expired or was revoked: refresh it, connect again. */
  tokenEnded: 4001,
  /** The device connected again elsewhere: do not connect by yourself. */
  replaced: 4002,
  /** The client read too slowly: connect again, everything is still there. */
  slow: 4003,
  /** A frame broke the contract; the reason has the problem's code. */
  badFrame: 4004,
  /** The node is going down: connect again at once. */
  draining: 4005,
} as const;

const EphemeralCiphertext = bytes({ min: 1, max: EPHEMERAL_BYTES_MAX });

const Cursor = z.object({ conversation: ConversationId, seq: Seq });

/** What a client may send. */
export const ClientFrame = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('send'),
    /** Counts this socket's sends within the conversation, from 1. */
    number: z.int().check(z.minimum(1)),
    message: OutgoingMessage,
  }),
  /** Gives up a refused send, so that later numbers of its conversation are taken again. */
  z.strictObject({
    type: z.literal('withdraw'),
    conversation: ConversationId,
    number: z.int().check(z.minimum(1)),
  }),
  /** This device has stored everything up to `seq`. */
  z.strictObject({ type: z.literal('ack'), conversation: ConversationId, seq: Seq }),
  /**
   * What is not stored: it reaches the devices that are connected, and nobody else ever. It is not answered; what cannot
   * be passed on is dropped. `recipients` by device, or one ciphertext for all members.
   */
  z
    .strictObject({
      type: z.literal('ephemeral'),
      conversation: ConversationId,
      recipients: z.optional(
        z
          .array(z.strictObject({ device: DeviceId, ciphertext: EphemeralCiphertext }))
          .check(z.minLength(1), z.maxLength(RECIPIENTS_PER_MESSAGE_MAX)),
      ),
      ciphertext: z.optional(EphemeralCiphertext),
    })
    .check(
      z.refine((frame) => (frame.recipients === undefined) !== (frame.ciphertext === undefined), {
        message: 'give recipients or a ciphertext',
      }),
    ),
  /** Whose presence this socket is to be told of, in place of whom it named before. */
  z.strictObject({
    type: z.literal('watch'),
    users: z.array(UserId).check(z.maxLength(WATCHED_USERS_MAX)),
  }),
]);
export type ClientFrame = z.infer<typeof ClientFrame>;

/** What the server sends. */
export const ServerFrame = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('hello'),
    user: UserId,
    device: DeviceId,
    /** Rises when the platform is restored from a backup. */
    incarnation: z.int(),
    /** How many messages of this device the platform has stored, but for those of the last seconds before a crash. */
    sent: z.optional(z.int()),
    /** How far this device has acknowledged: a store that is behind is not the one that did. More come in `cursors`. */
    cursors: z.optional(z.array(Cursor).check(z.maxLength(CURSORS_PER_FRAME_MAX))),
  }),
  z.object({
    type: z.literal('cursors'),
    cursors: z.array(Cursor).check(z.maxLength(CURSORS_PER_FRAME_MAX)),
  }),
  /**
   * What follows for this conversation starts above `from` and goes up to `last`; below `first` nothing is readable.
   * `from` may lie above what the device has, when it did not hear a `stored`: it reads the history up to there.
   */
  z.object({
    type: z.literal('catch-up'),
    conversation: ConversationId,
    first: Seq,
    from: Seq,
    last: Seq,
  }),
  z.object({
    type: z.literal('slots'),
    conversation: ConversationId,
    slots: z.array(Slot),
    /** Set on the slots that end a catch-up. */
    caughtUp: z.optional(z.literal(true)),
  }),
  z.extend(Stored, { type: z.literal('stored'), number: z.int() }),
  z.object({
    type: z.literal('refused'),
    id: MessageId,
    conversation: ConversationId,
    number: z.int(),
    problem: Problem,
  }),
  /** This device has few one-time prekeys left: upload more. */
  z.object({ type: z.literal('prekeys-low'), available: z.int() }),
  /** Somebody whom this user shares a conversation with, or the user itself, has another device list or identity. */
  z.object({
    type: z.literal('keys-changed'),
    user: UserId,
    what: z.enum(['device-list', 'identity']),
  }),
  /**
   * Sent every 25 s: the newest place of each conversation that moved since the last one. It comes though nothing moved: a
   * browser, which sees no pings, knows by it that the connection lives.
   */
  z.object({
    type: z.literal('heads'),
    heads: z.array(z.object({ conversation: ConversationId, last: Seq })),
  }),
  /** What was sent as `ephemeral`. */
  z.object({
    type: z.literal('ephemeral'),
    conversation: ConversationId,
    sender: Address,
    ciphertext: EphemeralCiphertext,
  }),
  /** Of somebody whom this socket watches: how it is now, and each time that it changes. */
  z.extend(Presence, { type: z.literal('presence'), user: UserId }),
  /**
   * Devices of other members have acknowledged messages of this user: each member's furthest. At most once a second for
   * a conversation.
   */
  z.object({
    type: z.literal('delivered'),
    conversation: ConversationId,
    members: z.array(z.object({ user: UserId, seq: Seq })),
  }),
]);
export type ServerFrame = z.infer<typeof ServerFrame>;
