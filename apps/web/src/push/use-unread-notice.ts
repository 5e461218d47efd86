/** Telling of what is unread to somebody who looks elsewhere: in the title of the page, on its icon, and by a notification. */
import type { ConversationView } from '@sotto/client';
import { type ConversationId, isMuted, unreadLabel, useStandings } from '@sotto/hooks';
import { useEffect, useRef } from 'react';
import { isLookedAt } from '../shell/looked-at.ts';
import { useMe } from '../shell/me.ts';
import { answerOf } from './answered.ts';

/** Conversations of which it is asked whether they are muted: each takes a request. */
const STANDINGS_MAX = 40;

/** Shows how many messages of these are unread, and says when there are more while nobody looks. */
export function useUnreadNotice(views: readonly ConversationView[] | undefined): void {
  const me = useMe();
  const unreadViews = (views ?? []).filter(({ unread }) => unread > 0);
  const standings = useStandings(unreadViews.slice(0, STANDINGS_MAX).map(({ id }) => id));
  const count = views && unreadIn(unreadViews, (id) => isMuted(standings.get(id), Date.now()));
  const before = useRef<number>(undefined);
  useEffect(() => {
    if (count === undefined) return;
    showUnread(count);
    const isMore = count > (before.current ?? count);
    before.current = count;
    if (!isMore || isLookedAt() || answerOf(me) !== 'on') return;
    if (globalThis.Notification?.permission !== 'granted') return;
    navigator.serviceWorker?.controller?.postMessage('unread');
  }, [count, me]);
  useEffect(() => () => showUnread(0), []);
}

/** How many messages wait where nothing is muted. */
export function unreadIn(
  views: readonly Pick<ConversationView, 'id' | 'unread'>[],
  isQuiet: (conversation: ConversationId) => boolean,
): number {
  return views.reduce((sum, { id, unread }) => sum + (isQuiet(id) ? 0 : unread), 0);
}

function showUnread(count: number): void {
  document.title = count === 0 ? 'Sotto' : `(${unreadLabel(count)}) Sotto`;
  // Only a page that was installed has an icon.
  navigator.setAppBadge?.(count).catch(() => undefined);
}
