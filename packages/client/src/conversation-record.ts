/** A conversation as the store has it. */
import { bytesOf, ConversationId, UserId } from '@sotto/api';
import * as z from 'zod';
import { HeadRecord } from './records.ts';

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
  since: z.array(z.int().min(1)),
  /** SHA-256 of the encrypted title, as the log has it. */
  titleHash: bytesOf(32).optional(),
  /** Absent when there is none, and while its key has not come. */
  title: z.string().optional(),
  titleKey: bytesOf(32).optional(),
});
export type GroupRecord = z.infer<typeof GroupRecord>;

/** A conversation that this device takes part in, or has taken part in. */
export const ConversationRecord = z.discriminatedUnion('kind', [DirectRecord, GroupRecord]);
export type ConversationRecord = z.infer<typeof ConversationRecord>;
