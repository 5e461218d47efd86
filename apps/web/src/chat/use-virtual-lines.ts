/** Which rows of a chat are on the page, and where. */
import type { TimelineRow } from '@sotto/hooks';
import { useVirtualizer } from '@tanstack/react-virtual';
import { type RefObject, useCallback, useEffect, useLayoutEffect, useRef } from 'react';
import { guessHeight } from './guess-height.ts';

/** Near enough to the end to stay there when something is said. */
const END_PX = 96;

/** Rows beyond the edges, so that nothing is blank when somebody scrolls. */
const OVERSCAN = 4;

/** See `useVirtualLines`. */
export type VirtualLines = ReturnType<typeof useVirtualizer<HTMLDivElement, HTMLDivElement>>;

/** Begins at the first new row, or at the end; stays at the end, and at the row that is looked at when older ones come. */
export function useVirtualLines(
  rows: readonly TimelineRow[],
  scroller: RefObject<HTMLDivElement | null>,
): VirtualLines {
  const virtualizer = useVirtualizer<HTMLDivElement, HTMLDivElement>({
    count: rows.length,
    getScrollElement: () => scroller.current,
    getItemKey: useCallback((index: number) => rows[index]?.key ?? index, [rows]),
    estimateSize: useCallback((index: number) => guessHeight(rows[index]), [rows]),
    overscan: OVERSCAN,
    anchorTo: 'end',
    followOnAppend: true,
    scrollEndThreshold: END_PX,
    paddingStart: 16,
    paddingEnd: 12,
  });
  useStayingAtEnd(virtualizer, scroller);
  const hasBegun = useRef(false);
  useLayoutEffect(() => {
    if (hasBegun.current || rows.length === 0) return;
    hasBegun.current = true;
    const firstNew = rows.findIndex(({ opensNew }) => opensNew);
    if (firstNew === -1) virtualizer.scrollToEnd();
    else virtualizer.scrollToIndex(firstNew, { align: 'start' });
  }, [virtualizer, rows]);
  return virtualizer;
}

/** Whoever was at the end stays there when the pane gets another size, as by the keyboard of a phone. */
function useStayingAtEnd(
  virtualizer: VirtualLines,
  scroller: RefObject<HTMLDivElement | null>,
): void {
  useEffect(() => {
    const { current } = scroller;
    if (current === null) return;
    let wasAtEnd: boolean | undefined;
    const note = () => {
      wasAtEnd = virtualizer.isAtEnd();
    };
    const sizes = new ResizeObserver(() => {
      // The first size is none that it gets.
      if (wasAtEnd === undefined) note();
      else if (wasAtEnd) virtualizer.scrollToEnd();
    });
    current.addEventListener('scroll', note);
    sizes.observe(current);
    return () => {
      sizes.disconnect();
      current.removeEventListener('scroll', note);
    };
  }, [virtualizer, scroller]);
}
