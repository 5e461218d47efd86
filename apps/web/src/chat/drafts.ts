/** What somebody has begun to write, for as long as the page is open: plaintext is kept nowhere else than in the store. */
import type { Client } from '@sotto/client';
import type { ConversationId } from '@sotto/hooks';

const drafts = new WeakMap<Client, Map<ConversationId, string>>();

/** The draft of a conversation; empty when there is none. */
export function draftOf(client: Client, conversation: ConversationId): string {
  return drafts.get(client)?.get(conversation) ?? '';
}

/** Keeps a draft, or forgets it when it is empty. */
export function keepDraft(client: Client, conversation: ConversationId, text: string): void {
  const kept = drafts.get(client) ?? new Map<ConversationId, string>();
  drafts.set(client, kept);
  if (text === '') kept.delete(conversation);
  else kept.set(conversation, text);
}
