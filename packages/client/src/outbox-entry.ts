/** What waits to be sent. */
import { bytes, CIPHERTEXT_BYTES_MAX, ConversationId, MessageId, Recipient, Seq } from '@sotto/api';
import * as z from 'zod';

/** A message of ours that is not `stored` yet. It may leave once it is `sealed`: encrypted for every device. */
export const OutboxEntry = z.object({
  id: MessageId,
  conversation: ConversationId,
  counter: z.int(),
  time: z.number(),
  content: bytes({ min: 1, max: CIPHERTEXT_BYTES_MAX }),
  recipients: z.array(Recipient),
  sealed: z.boolean(),
  /** It was stored before, as this number and at this place: the platform may have lost it. */
  resent: z.object({ number: z.int(), seq: Seq }).optional(),
});
export type OutboxEntry = z.infer<typeof OutboxEntry>;
