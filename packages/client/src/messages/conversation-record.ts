/** A conversation as the store has it. */
import { bytes, bytesOf, ConversationId, GROUP_TITLE_BYTES_MAX, Seq, UserId } from '@sotto/api';
import * as z from 'zod/mini';
import { HeadRecord } from '../account/records.ts';

/** Of two. Its members never change. */
export const DirectRecord = z.object({
  id: ConversationId,
  kind: z.literal('direct'),
  members: z.array(UserId),
});

/** A group as its membership log leaves it, as far as that was read. */
export const GroupRecord = z.object({
  id: ConversationId,
  kind: z.literal('group'),
  /** The eldest first; without this account once it has left or was removed. */
  members: z.array(UserId),
  admins: z.array(UserId),
  head: HeadRecord,
  /** Entry by which each member came in, in the order of `members`. */
  since: z.array(z.int().check(z.minimum(1))),
  /** SHA-256 of the encrypted title, as the log has it. */
  titleHash: z.optional(bytesOf(32)),
  /** Absent when there is none, and while its key has not come. */
  title: z.optional(z.string()),
  /** What the title is under, or is to be. */
  titleKey: z.optional(bytesOf(32)),
  /** Somebody who has that key has gone: the next title takes another one. */
  isTitleKeySpent: z.optional(z.boolean()),
  /** Keys that have come and do not open the title: one that they open may be on its way. */
  spareTitleKeys: z.optional(z.array(bytesOf(32))),
  /** The title as the platform has it. */
  sealedTitle: z.optional(bytes({ min: 1, max: GROUP_TITLE_BYTES_MAX })),
  /** The code of the `CryptoError` that stands against what the platform shows of the log: nothing is sent. */
  broken: z.optional(z.string()),
  /** What lies up to there was sent before this device was one of the account's, and need not be readable here. */
  quietUpTo: z.optional(Seq),
});
export type GroupRecord = z.infer<typeof GroupRecord>;

/** A conversation that this device takes part in, or has taken part in. */
export const ConversationRecord = z.discriminatedUnion('kind', [DirectRecord, GroupRecord]);
export type ConversationRecord = z.infer<typeof ConversationRecord>;
