/** A deleted account leaves its groups by entries that the platform writes and nobody signs: they can only take away. */
import type { ConversationId, UserId } from '@sotto/api';
import { departedEntry, nobleProvider } from '@sotto/crypto/verify';
import type { Transaction } from 'kysely';
import { writeEntry } from './membership-entry-store.ts';
import { findMembership } from './membership-store.ts';
import type { Tables } from './schema.ts';

/**
 * Writes that a user has departed from a group, if its log names them. The eldest member becomes admin where none is left. The
 * caller holds the conversation's lock; the fan-out's sweeper tells the other members.
 */
export async function depart(
  transaction: Transaction<Tables>,
  conversation: ConversationId,
  user: UserId,
): Promise<void> {
  const before = await findMembership(transaction, conversation);
  if (before === undefined || !before.members.some((member) => member.user === user)) return;
  const departed = departedEntry(nobleProvider, before, { user, time: Date.now() });
  const step = { conversation, entry: departed.encoded, before, after: departed.membership };
  await writeEntry(transaction, { step, author: undefined });
}
