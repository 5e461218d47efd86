/** Telling that messages were read: when they are in view, in a window that somebody looks at. */
import type { MessageView } from '@sotto/client';
import { isHeard, type TimelineRow, useClient } from '@sotto/hooks';
import { useCallback, useEffect, useRef } from 'react';
import { isLookedAt } from '../shell/looked-at.ts';

/**
 * The function to be called with all rows down to the newest one in view: what waits, was refused or has happened may stand
 * below what was said last.
 */
export function useReadMarks(): (rows: readonly TimelineRow[]) => void {
  const client = useClient();
  const seen = useRef<MessageView>(undefined);
  const marked = useRef(0);
  const mark = useCallback(() => {
    const line = seen.current;
    if (line?.seq === undefined || line.seq <= marked.current || !isLookedAt()) return;
    marked.current = line.seq;
    // It may have gone away meanwhile; the next one is told anyway.
    client.markRead(line).catch(() => undefined);
  }, [client]);
  useEffect(() => {
    addEventListener('focus', mark);
    document.addEventListener('visibilitychange', mark);
    return () => {
      removeEventListener('focus', mark);
      document.removeEventListener('visibilitychange', mark);
    };
  }, [mark]);
  return useCallback(
    (rows) => {
      seen.current = rows.findLast(({ line }) => isHeard(line))?.line;
      mark();
    },
    [mark],
  );
}
