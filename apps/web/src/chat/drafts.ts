/** What somebody has begun to write, for as long as the page is open: plaintext is kept nowhere else than in the store. */
import type { Client } from '@sotto/client';
import { type ConversationId, useClient } from '@sotto/hooks';
import { useSyncExternalStore } from 'react';

const drafts = new WeakMap<object, Map<ConversationId, string>>();
const listeners = new Set<() => void>();

/** Whose drafts they are. */
type Writer = Pick<Client, 'sendText'>;

/** The draft of a conversation; empty when there is none. */
export function draftOf(writer: Writer, conversation: ConversationId): string {
  return drafts.get(writer)?.get(conversation) ?? '';
}

/** Keeps a draft, or forgets it when it is empty. */
export function keepDraft(writer: Writer, conversation: ConversationId, text: string): void {
  const kept = drafts.get(writer) ?? new Map<ConversationId, string>();
  drafts.set(writer, kept);
  if (text === '') kept.delete(conversation);
  else kept.set(conversation, text);
  for (const listener of [...listeners]) listener();
}

/** Puts text that could not be sent before what was written meanwhile, also when the chat was left since. */
export function takeBack(writer: Writer, conversation: ConversationId, text: string): void {
  keepDraft(writer, conversation, joined(text, draftOf(writer, conversation)));
}

/** What could not be sent, and below it what was written meanwhile. */
export function joined(text: string, meanwhile: string): string {
  return meanwhile === '' ? text : `${text}\n${meanwhile}`;
}

/** The draft of a conversation, as it is now. */
export function useDraft(conversation: ConversationId): string {
  const client = useClient();
  return useSyncExternalStore(subscribe, () => draftOf(client, conversation));
}

function subscribe(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}
