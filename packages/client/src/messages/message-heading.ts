/** What every message may have besides what it says: which one it answers, and how long it stays. */
import type { ConversationId } from '@sotto/api';
import { ClientError } from '../errors.ts';
import type { StoreTransaction } from '../store/store.ts';
import { readTimer } from './lifetime.ts';
import type { OnceOptions } from './message-once.ts';
import { type MessageReference, type MessageTarget, referenceOf } from './message-reference.ts';

export interface HeadingOptions extends OnceOptions {
  /** The message that this one answers, of the same conversation. */
  readonly replyTo?: MessageTarget;
  /** Seconds after which it goes away, null that it stays. When left out, the conversation's timer decides. */
  readonly expiresIn?: number | null;
}

/** The heading of a message that is written now. Throws `message.unknown` for an answer to another conversation's. */
export async function headingOf(
  transaction: StoreTransaction,
  conversation: ConversationId,
  { replyTo, expiresIn: chosen }: HeadingOptions,
): Promise<{ replyTo?: MessageReference; expiresIn?: number }> {
  if (replyTo !== undefined && replyTo.conversation !== conversation) {
    throw new ClientError('message.unknown', 'the message is of another conversation');
  }
  const expiresIn = chosen === undefined ? await readTimer(transaction, conversation) : chosen;
  return {
    ...(replyTo !== undefined && { replyTo: referenceOf(replyTo) }),
    ...(expiresIn !== null && { expiresIn }),
  };
}
