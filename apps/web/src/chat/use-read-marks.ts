/** Telling that messages were read: when they are in view, in a window that somebody looks at. */
import type { TimelineRow } from '@sotto/hooks';
import { useClient } from '@sotto/hooks';
import { useCallback, useEffect, useRef } from 'react';

/** The function to be called with the newest row in view. */
export function useReadMarks(): (row: TimelineRow) => void {
  const client = useClient();
  const seen = useRef<TimelineRow>(undefined);
  const marked = useRef(0);
  const mark = useCallback(() => {
    const line = seen.current?.line;
    const { seq, reference } = line ?? {};
    if (line === undefined || seq === undefined || reference === undefined) return;
    if (seq <= marked.current || !isLookedAt()) return;
    marked.current = seq;
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
    (row) => {
      seen.current = row;
      mark();
    },
    [mark],
  );
}

function isLookedAt(): boolean {
  return document.visibilityState === 'visible' && document.hasFocus();
}
