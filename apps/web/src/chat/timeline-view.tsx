/** The lines of a chat: only those in view are on the page, however many there are. */
import type { TimelineRow } from '@sotto/hooks';
import {
  type KeyboardEvent,
  type Ref,
  type RefObject,
  useEffect,
  useImperativeHandle,
  useRef,
  useState,
} from 'react';
import { Button, Spinner } from '../design/index.ts';
import { JumpButton } from './jump-button.tsx';
import { TimelineLine } from './timeline-line.tsx';
import styles from './timeline-view.module.css';
import { useVirtualLines, type VirtualLines } from './use-virtual-lines.ts';

/** What leads somebody to a place. */
export interface TimelineHandle {
  /** Of a row that is there. */
  readonly scrollTo: (key: string) => void;
  readonly scrollToEnd: () => void;
}

export interface TimelineViewProps {
  rows: readonly TimelineRow[];
  hasOlder: boolean;
  /** Older ones could not be read, and are read when somebody asks again. */
  isStuck: boolean;
  onOlder: () => void;
  /** All rows down to the newest one that is in view, whenever it or they change. */
  onSeen: (rows: readonly TimelineRow[]) => void;
  ref: Ref<TimelineHandle>;
}

/** So many rows from the first one, older ones are asked for. */
const OLDER_ROWS = 6;

/** A scrolling log. One row is in the order of the Tab key; arrow keys move from it to others. */
export function TimelineView(props: TimelineViewProps) {
  const { rows, hasOlder, isStuck, onOlder, onSeen, ref } = props;
  const scroller = useRef<HTMLDivElement>(null);
  const [active, setActive] = useState<string>();
  const [marked, setMarked] = useState<string>();
  const virtualizer = useVirtualLines(rows, scroller);
  useImperativeHandle(ref, () => ({
    scrollToEnd: () => virtualizer.scrollToEnd(),
    scrollTo(key) {
      virtualizer.scrollToIndex(indexOf(rows, key), { align: 'center' });
      setMarked(key);
      setActive(key);
    },
  }));
  const isNearTop = (virtualizer.getVirtualItems()[0]?.index ?? 0) < OLDER_ROWS;
  const asksForOlder = hasOlder && isNearTop && rows.length > 0;
  useMoreRows(asksForOlder ? rows.length : 0, onOlder);
  const end = virtualizer.range?.endIndex ?? -1;
  useEffect(() => onSeen(rows.slice(0, end + 1)), [rows, end, onSeen]);
  const current = indexOf(rows, active) === -1 ? rows.at(-1)?.key : active;
  return (
    <div className={styles.frame}>
      <div
        ref={scroller}
        className={styles.scroller}
        role="log"
        aria-label="Messages"
        aria-live="off"
        onPointerLeave={({ currentTarget }) => {
          if (!currentTarget.matches(':focus-within, :has(:popover-open)')) setActive(undefined);
        }}
        onKeyDown={(event) => moveFocus(event, { rows, current, virtualizer, scroller, setActive })}
      >
        {asksForOlder && (
          <div className={styles.loading}>
            {isStuck ? (
              <Button onClick={onOlder}>Load older messages</Button>
            ) : (
              <Spinner label="Loading older messages" />
            )}
          </div>
        )}
        <Rows {...{ rows, virtualizer, active, current, marked, setActive }} />
      </div>
      {rows.length > 0 && !virtualizer.isAtEnd() && (
        <JumpButton rows={rows} seen={rows[end]?.key} onJump={() => virtualizer.scrollToEnd()} />
      )}
    </div>
  );
}

/** Asks after each page again, as long as somebody is near its top. */
function useMoreRows(count: number, onOlder: () => void): void {
  useEffect(() => {
    if (count > 0) onOlder();
  }, [count, onOlder]);
}

interface RowsProps {
  rows: readonly TimelineRow[];
  virtualizer: VirtualLines;
  active: string | undefined;
  current: string | undefined;
  marked: string | undefined;
  setActive: (key: string) => void;
}

/** Those in view, on a plane as high as all of them. */
function Rows({ rows, virtualizer, active, current, marked, setActive }: RowsProps) {
  return (
    // biome-ignore lint/a11y/useSemanticElements: an ol would count only the lines that are on the page
    <div className={styles.lines} role="list" style={{ height: virtualizer.getTotalSize() }}>
      {virtualizer.getVirtualItems().map(({ index, start, key }) => {
        const row = rows[index];
        return (
          row !== undefined && (
            <TimelineLine
              ref={virtualizer.measureElement}
              key={key}
              {...{ row, index, start, count: rows.length }}
              isActive={row.key === active}
              isTabStop={row.key === current}
              isMarked={row.key === marked}
              onActive={setActive}
            />
          )
        );
      })}
    </div>
  );
}

interface Focus {
  readonly rows: readonly TimelineRow[];
  readonly current: string | undefined;
  readonly virtualizer: VirtualLines;
  readonly scroller: RefObject<HTMLDivElement | null>;
  readonly setActive: (key: string) => void;
}

function moveFocus(
  event: KeyboardEvent,
  { rows, current, virtualizer, scroller, setActive }: Focus,
): void {
  const at = indexOf(rows, current) + stepOf(event);
  const next = rows[at];
  if (next === undefined || next.key === current || !isRow(event.target)) return;
  event.preventDefault();
  virtualizer.scrollToIndex(at, { align: 'auto' });
  setActive(next.key);
  requestAnimationFrame(() => {
    const row = scroller.current?.querySelector<HTMLElement>(`[data-index="${at}"]`);
    row?.focus({ preventScroll: true });
  });
}

function indexOf(rows: readonly TimelineRow[], key: string | undefined): number {
  return rows.findIndex((row) => row.key === key);
}

function stepOf({ key }: KeyboardEvent): number {
  if (key === 'ArrowUp') return -1;
  return key === 'ArrowDown' ? 1 : 0;
}

function isRow(target: EventTarget): boolean {
  return target instanceof HTMLElement && target.dataset.index !== undefined;
}
