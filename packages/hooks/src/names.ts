/** What people and conversations are called where they are shown. */
import type { ConversationView } from '@sotto/client';
import type { NameOf, UserId } from './ids.ts';

/** Somebody of whom neither a profile nor a username is known yet. */
export const NAMELESS = 'Somebody';

/** Names of members before the rest is only counted. */
const LISTED_MAX = 3;

/** What of a conversation its name depends on. */
export type Named = Pick<ConversationView, 'kind' | 'title' | 'members'>;

/** The other one in a conversation of two; undefined in groups, and in a conversation with oneself. */
export function peerOf({ kind, members }: Named, me: UserId): UserId | undefined {
  return kind === 'direct' ? members.find((user) => user !== me) : undefined;
}

/** A group's title, or who is in it; the other one's name in a conversation of two. */
export function conversationName(view: Named, me: UserId, nameOf: NameOf): string {
  if (view.title !== undefined) return view.title;
  const others = view.members.filter((user) => user !== me);
  if (others.length === 0) return view.kind === 'group' ? 'Group' : nameOf(me);
  const names = others.slice(0, LISTED_MAX).map(nameOf);
  const left = others.length - names.length;
  return left === 0 ? names.join(', ') : `${names.join(', ')} and ${left} more`;
}
