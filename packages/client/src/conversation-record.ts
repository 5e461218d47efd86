/** A conversation as the store has it. */
import { ConversationId, UserId } from '@sotto/api';
import * as z from 'zod';

/** A conversation that this device takes part in. */
export const ConversationRecord = z.object({
  id: ConversationId,
  kind: z.enum(['direct']),
  members: z.array(UserId),
});
export type ConversationRecord = z.infer<typeof ConversationRecord>;
