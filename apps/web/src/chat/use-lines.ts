/** The lines of the chat that is open. */
import type { ConversationView, MessageView } from '@sotto/client';
import { firstUnread, timelineRows, useTimeline } from '@sotto/hooks';
import { useCallback, useMemo, useState } from 'react';
import { useToast } from '../design/index.ts';
import { explain } from '../shell/explain.ts';

/** Lines, and what is shown of them. */
export interface Lines {
  readonly lines: readonly MessageView[] | undefined;
  readonly rows: ReturnType<typeof timelineRows>;
  readonly hasOlder: boolean;
  readonly isStuck: boolean;
  readonly onOlder: () => void;
  readonly older: () => Promise<void>;
  readonly refresh: (line: MessageView) => Promise<void>;
}

/** Lines and their rows; what was unread at the opening is marked until the chat is left. */
export function useLines({ id, unread }: ConversationView): Lines {
  const toast = useToast();
  const { lines, hasOlder, isStuck, older, refresh } = useTimeline(id);
  const [unreadAtOpening] = useState(unread);
  const [newFrom, setNewFrom] = useState<string>();
  const [hasLooked, setHasLooked] = useState(false);
  if (!hasLooked && lines !== undefined) {
    setHasLooked(true);
    setNewFrom(firstUnread(lines, unreadAtOpening));
  }
  const rows = useMemo(
    () => timelineRows(lines ?? [], { newFrom, hasOlder }),
    [lines, newFrom, hasOlder],
  );
  const onOlder = useCallback(() => {
    older().catch((error: unknown) => toast(explain(error), 'danger'));
  }, [older, toast]);
  return { lines, rows, hasOlder, isStuck, onOlder, older, refresh };
}
