/**
 * The frames of the WebSocket at `/api/v1/ws`: JSON text, one frame a message.
 *
 * After `hello` the server sends, conversation by conversation, what lies above the device's cursor
 * (`catch-up`, `slots` …, the last with `caughtUp`), then live slots as they are committed. Within a
 * conversation slots arrive in order of `seq` without holes; an id seen before is to be dropped.
 */
import { z } from 'zod';
import { ConversationId, DeviceId, MessageId, Seq, UserId } from './ids.ts';
import { OutgoingMessage, Slot, Stored } from './message.ts';
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

/** What a client may send. */
export const ClientFrame = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('send'),
    /** Counts this socket's sends within the conversation, from 1. */
    number: z.int().min(1),
    message: OutgoingMessage,
  }),
  /** Gives up a refused send, so that later numbers of its conversation are taken again. */
  z.strictObject({
    type: z.literal('withdraw'),
    conversation: ConversationId,
    number: z.int().min(1),
  }),
  /** This device has stored everything up to `seq`. */
  z.strictObject({ type: z.literal('ack'), conversation: ConversationId, seq: Seq }),
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
    caughtUp: z.literal(true).optional(),
  }),
  Stored.extend({ type: z.literal('stored'), number: z.int() }),
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
  /** Sent every 25 s: the newest place of each conversation that moved since the last one. */
  z.object({
    type: z.literal('heads'),
    heads: z.array(z.object({ conversation: ConversationId, last: Seq })),
  }),
]);
export type ServerFrame = z.infer<typeof ServerFrame>;
