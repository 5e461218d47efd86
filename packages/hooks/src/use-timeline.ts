/** The lines of a conversation as React state, as far back as somebody goes. */
import { useMemo } from 'react';
import { useClient } from './client-context.ts';
import type { ConversationId } from './ids.ts';
import { Timeline, type TimelineView } from './timeline.ts';
import { useObservable } from './use-observable.ts';

/** See `Timeline`. */
export function useTimeline(
  conversation: ConversationId,
): TimelineView & Pick<Timeline, 'older' | 'refresh'> {
  const client = useClient();
  const timeline = useMemo(() => new Timeline(client, conversation), [client, conversation]);
  const { older, refresh } = timeline;
  return { ...useObservable(timeline), older, refresh };
}
