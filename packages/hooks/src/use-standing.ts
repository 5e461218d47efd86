/** How this account stands to its conversations, as React state: muted, or not accepted yet. */
import { ApiError, type Client, type Standing } from '@sotto/client';
import { useEffect } from 'react';
import { type AskedBook, openAskedBook } from './asked-book.ts';
import { useClient } from './client-context.ts';
import type { ConversationId } from './ids.ts';
import { useObservable } from './use-observable.ts';

/** For a conversation that is muted until somebody lifts it: a moment that nobody here sees. */
const FOREVER_MS = 100 * 365 * 24 * 3_600_000;

const books = new WeakMap<Client, AskedBook<ConversationId, Standing>>();

/** Until when to mute a conversation that is to be muted until further notice. */
export function untilLifted(now: number): Date {
  return new Date(now + FOREVER_MS);
}

/** Whether a conversation is muted at a moment; not as long as nothing is known of it. */
export function isMuted(standing: Standing | undefined, now: number): boolean {
  return (standing?.mutedUntil?.getTime() ?? 0) > now;
}

/** What is known of these conversations; the rest is asked for, one after another. */
export function useStandings(
  conversations: readonly ConversationId[],
): ReadonlyMap<ConversationId, Standing> {
  const book = standingsOf(useClient());
  const key = conversations.join();
  // biome-ignore lint/correctness/useExhaustiveDependencies: the same conversations are the same key
  useEffect(() => book.want(conversations), [book, key]);
  return useObservable(book);
}

/** How it stands to one, and what asks again after it was changed. */
export function useStanding(conversation: ConversationId): {
  readonly standing: Standing | undefined;
  readonly renew: () => void;
} {
  const book = standingsOf(useClient());
  const standings = useObservable(book);
  useEffect(() => book.renew(conversation), [book, conversation]);
  return { standing: standings.get(conversation), renew: () => book.renew(conversation) };
}

/** The one book of a client, for whoever changes something that stands in it. */
export function standingsOf(client: Client): AskedBook<ConversationId, Standing> {
  const known = books.get(client);
  if (known !== undefined) return known;
  const book = openAskedBook(client.on, (conversation: ConversationId) =>
    standingIn(client, conversation),
  );
  books.set(client, book);
  return book;
}

/** Undefined for groups that this account has left. */
async function standingIn(
  { people }: Client,
  conversation: ConversationId,
): Promise<Standing | undefined> {
  try {
    return await people.standing(conversation);
  } catch (error) {
    if (error instanceof ApiError && error.code === 'conversation.not-found') return undefined;
    throw error;
  }
}
