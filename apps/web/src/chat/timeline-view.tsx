/** The lines of a chat: only those in view are on the page, however many there are. */
import type { TimelineRow } from '@sotto/hooks';
import { ArrowDown } from 'lucide-react';
import {
  type KeyboardEvent,
  type Ref,
  useEffect,
  useImperativeHandle,
  useRef,
  useState,
} from 'react';
import { Badge, Spinner } from '../design/index.ts';
import { TimelineLine } from './timeline-line.tsx';
import styles from './timeline-view.module.css';
import { useVirtualLines } from './use-virtual-lines.ts';

/** What leads somebody to a place. */
export interface TimelineHandle {
  readonly scrollTo: (key: string) => void;
  readonly scrollToEnd: () => void;
}

export interface TimelineViewProps {
  rows: readonly TimelineRow[];
  hasOlder: boolean;
  onOlder: () => void;
  /** The newest row that is in view, each time that it is another one. */
  onSeen: (row: TimelineRow) => void;
  ref: Ref<TimelineHandle>;
}

/** So many rows from the first one, older ones are asked for. */
const OLDER_ROWS = 6;

/** Stays at the end when it is there, and where it is when older lines come. */
export function TimelineView({ rows, hasOlder, onOlder, onSeen, ref }: TimelineViewProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const [active, setActive] = useState<string>();
  const [marked, setMarked] = useState<string>();
  const virtualizer = useVirtualLines(rows, scroller);
  useImperativeHandle,
  useRef,
  useState,
} from 'react';

import { Badge, Spinner } from '../design/index.ts';
import { TimelineLine } from './timeline-line.tsx';
import styles from './timeline-view.module.css';
import { useVirtualLines } from './use-virtual-lines.ts';

/** What leads somebody to a place. */
export interface TimelineHandle {
  readonly scrollTo: (key: string) => void;
  readonly scrollToEnd: () => void;
}

export interface TimelineViewProps {
  rows: readonly TimelineRow[];
  hasOlder: boolean;
  onOlder: () => void;
  /** The newest row that is in view, each time that it is another one. */
  onSeen: (row: TimelineRow) => void;
  ref: Ref<TimelineHandle>;
}

/** So many rows from the first one, older ones are asked for. */
const OLDER_ROWS = 6;

/** Stays at the end when it is there, and where it is when older lines come. */
export function TimelineView({ rows, hasOlder, onOlder, onSeen, ref }: TimelineViewProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const [active, setActive] = useState<string>();
  const [marked, setMarked] = useState<string>();
  const virtualizer = useVirtualizer({
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
  useImperativeHandle(ref, () => ({
    scrollToEnd: () => virtualizer.scrollToEnd(),
    scrollTo(key) {
      const index = rows.findIndex((row) => row.key === key);
      if (index === -1) return;
      virtualizer.scrollToIndex(index, { align: 'center' });
      setMarked(key);
      setActive(key);
    },
  }));
  const items = virtualizer.getVirtualItems();
  const isNearTop = (items[0]?.index ?? 0) < OLDER_ROWS;
  useEffect(() => {
    if (isNearTop && hasOlder && rows.length > 0) onOlder();
  }, [isNearTop, hasOlder, rows.length, onOlder]);
  const isAtEnd = virtualizer.isAtEnd();
  const seen = rows[virtualizer.range?.endIndex ?? -1];
  useEffect(() => {
    if (seen !== undefined) onSeen(seen);
  }, [seen, onSeen]);
  const current = rows.some(({ key }) => key === active) ? active : rows.at(-1)?.key;
  const moveFocus = (event: KeyboardEvent<HTMLElement>) => {
    const at = rows.findIndex(({ key }) => key === current) + stepOf(event);
    const next = rows[at];
    if (next === undefined || !isRow(event.target) || next.key === current) return;
    event.preventDefault();
    virtualizer.scrollToIndex(at, { align: 'auto' });
    setActive(next.key);
    requestAnimationFrame(() => focusRow(scroller.current, at));
  };
  return (
    <div className={styles.frame}>
      <div
        ref={scroller}
        className={styles.scroller}
        role="log"
        aria-label="Messages"
        aria-live="off"
        onKeyDown={moveFocus}
      >
        {hasOlder && isNearTop && rows.length > 0 && (
          <div className={styles.loading}>
            <Spinner label="Loading older messages" />
          </div>
        )}
        {/* biome-ignore lint/a11y/useSemanticElements: an ol would count only the lines that are on the page */}
        <div className={styles.lines} role="list" style={{ height: virtualizer.getTotalSize() }}>
          {items.map(({ index, start, key }) => {
            const row = rows[index];
            if (row === undefined) return null;
            return (
              <TimelineLine
                key={key}
                ref={virtualizer.measureElement}
                row={row}
                index={index}
                count={rows.length}
                start={start}
                isActive={row.key === active}
                isTabStop={row.key === current}
                isMarked={row.key === marked}
                onActive={setActive}
              />
            );
          })}
        </div>
      </div>
      {!isAtEnd && rows.length > 0 && (
        <JumpButton rows={rows} seen={seen?.key} onJump={() => virtualizer.scrollToEnd()} />
      )}
    </div>
  );
}

function stepOf({ key }: KeyboardEvent): number {
  if (key === 'ArrowUp') return -1;
  return key === 'ArrowDown' ? 1 : 0;
}

function isRow(target: EventTarget): boolean {
  return target instanceof HTMLElement && target.dataset.index !== undefined;
}

function focusRow(scroller: HTMLElement | null, index: number): void {
  scroller?.querySelector<HTMLElement>(`[data-index="${index}"]`)?.focus({ preventScroll: true });
}

interface JumpButtonProps {
  rows: readonly TimelineRow[];
  seen: string | undefined;
  onJump: () => void;
}

/** How many have come below what is in view. */
function JumpButton({ rows, seen, onJump }: JumpButtonProps) {
  const at = rows.findIndex(({ key }) => key === seen);
  const below = at === -1 ? [] : rows.slice(at + 1);
  // It is there from when somebody went back: what came later is new to them.
  const [since] = useState(rows.at(-1)?.line.time ?? 0);
  const fresh = below.filter(({ line }) => !line.isOwn && line.time > since).length;
  return (
    <button
      type="button"
      className={styles.jump}
      aria-label="Jump to the newest message"
      title="Jump to the newest message"
      onClick={onJump}
    >
      <ArrowDown size={20} strokeWidth={1.75} aria-hidden />
      {fresh > 0 && (
        <span className={styles.fresh}>
          <Badge count={fresh} />
        </span>
      )}
    </button>
  );
}
