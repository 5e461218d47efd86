/** What a conversation's history holds. */
import { Address, ConversationId, MessageId, Seq, Timestamp, UserId } from '@sotto/api';
import { TIME_MS_MAX } from '@sotto/crypto';
import * as z from 'zod/mini';
import { Content } from './content.ts';

/** Milliseconds since 1970. Older releases have stored what is no date, which nothing can show. */
const Time = z.number().check(z.overwrite<number>((time) => Math.min(time, TIME_MS_MAX)));

const placed = {
  id: MessageId,
  conversation: ConversationId,
  seq: Seq,
  sender: Address,
  /** By the platform's clock, which nobody vouches for. */
  sentAt: Timestamp,
};

/** A message as people see it. */
export const Message = z.object({
  type: z.literal('message'),
  ...placed,
  /** Milliseconds since 1970 by the sender's clock, as the sender encrypted it. */
  time: Time,
  content: Content,
  /** The content's text is not the one that it was sent with. */
  isEdited: z.optional(z.boolean()),
  /** When it goes away, in milliseconds since 1970; absent while nobody counts, and when it stays. */
  expiresAt: z.optional(Time),
  /** Sent by this account, from this device or another one. */
  own: z.boolean(),
  /** When this device encrypted it, which may be long after it was written: in milliseconds since 1970 by its clock. */
  sealedAt: z.optional(z.number()),
  /** The sender's count skipped a number before this message, or this one comes late: something was held back. */
  order: z.enum(['next', 'gap', 'late']),
  /** The sending device's own number of it; absent in older stores. */
  counter: z.optional(z.int()),
  /** Entry of the group's log that the sender had seen last. */
  membership: z.optional(z.int()),
  /** It could not be read when it came, and its sender has sent it again. */
  isRepaired: z.optional(z.boolean()),
});
export type Message = z.infer<typeof Message>;

/** A message that could not be read, and why: a code of `CryptoError` or `ClientError`. */
export const UnreadableMessage = z.object({
  type: z.literal('unreadable'),
  ...placed,
  cause: z.string(),
  /** It could be read and is not to be believed: it is not asked for again, and cannot come again. */
  isRefused: z.optional(z.boolean()),
  /** The highest number of its sending device that was seen before it. */
  after: z.optional(z.int()),
});
export type UnreadableMessage = z.infer<typeof UnreadableMessage>;

/** A message, whether it could be read or not. */
export type AnyMessage = Message | UnreadableMessage;

/** What an entry of a group's log has changed, for people. */
export const MembershipChange = z.discriminatedUnion('type', [
  z.object({ type: z.literal(['created', 'added', 'removed']), users: z.array(UserId) }),
  /** `departed`: the account was deleted. */
  z.object({ type: z.literal(['left', 'departed']), user: UserId }),
  z.object({ type: z.literal('role'), user: UserId, role: z.enum(['member', 'admin']) }),
  z.object({ type: z.literal('renamed') }),
]);
export type MembershipChange = z.infer<typeof MembershipChange>;

/** An entry of a group's membership log. */
export const MembershipItem = z.object({
  type: z.literal('membership'),
  conversation: ConversationId,
  seq: Seq,
  /** By the platform's clock, which nobody vouches for. */
  sentAt: Timestamp,
  /** Its number in the log. */
  version: z.int().check(z.minimum(1)),
  /** Who signed it; absent for `departed`, which the platform writes. */
  author: z.optional(UserId),
  /** Milliseconds since 1970 by the author's clock. */
  time: Time,
  change: MembershipChange,
});
export type MembershipItem = z.infer<typeof MembershipItem>;

/** One place of a conversation that held something for this device. */
export const HistoryItem = z.discriminatedUnion('type', [
  Message,
  UnreadableMessage,
  MembershipItem,
]);
export type HistoryItem = z.infer<typeof HistoryItem>;

/** Where a message lies. */
export const Place = z.object({ conversation: ConversationId, seq: Seq });
export type Place = z.infer<typeof Place>;

/** Whether the time of a message has come, by this clock. */
export function hasEnded(item: HistoryItem, now: number): boolean {
  return item.type === 'message' && item.expiresAt !== undefined && item.expiresAt <= now;
}
