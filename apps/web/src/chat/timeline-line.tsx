/** One row of a chat, where the timeline has put it. */
import { dayLabel, isSaid, type Reader, type TimelineRow } from '@sotto/hooks';
import { memo, type Ref } from 'react';
import { useNow } from '../conversations/use-now.ts';
import { Boundary, classes } from '../design/index.ts';
import { Bubble } from './bubble.tsx';
import { useChat } from './chat-context.ts';
import { Notice } from './notice.tsx';
import styles from './timeline-line.module.css';

export interface TimelineLineProps {
  row: TimelineRow;
  index: number;
  count: number;
  /** Its place, in CSS pixels from the first row. */
  start: number;
  isActive: boolean;
  /** The one row of the timeline that the Tab key reaches. */
  isTabStop: boolean;
  /** Somebody was led here. */
  isMarked: boolean;
  onActive: (key: string) => void;
  ref: Ref<HTMLDivElement>;
}

/** A line with the day or the mark that it opens. */
export const TimelineLine = memo(function TimelineLine(lineProps: TimelineLineProps) {
  const { row, index, count, start, ref, ...props } = lineProps;
  const { isActive, isTabStop, isMarked, onActive } = props;
  const { reader } = useChat();
  const { key, line, opensDay, opensNew, isFirst, isLast } = row;
  const activate = () => {
    if (!isMenuOpen()) onActive(key);
  };
  return (
    // biome-ignore lint/a11y/useSemanticElements: see the list that it is part of
    <div
      ref={ref}
      role="listitem"
      className={classes(styles.row, isFirst && styles.first, isMarked && styles.marked)}
      style={{ transform: `translateY(${start}px)` }}
      data-index={index}
      aria-posinset={index + 1}
      aria-setsize={count}
      tabIndex={isTabStop ? 0 : -1}
      onPointerEnter={activate}
      onPointerDown={activate}
      onFocus={activate}
    >
      {/* Whatever somebody sends: it takes no more than its own line. */}
      <Boundary
        fallback={<p className={styles.broken}>This message cannot be shown</p>}
        subject={line}
      >
        {opensDay && <Day time={line.time} />}
        {opensNew && <p className={styles.new}>New messages</p>}
        {isSaid(line) ? (
          <>
            <span className={styles.spoken}>{spokenBy(row, reader)}</span>
            <Bubble line={line} isFirst={isFirst} isLast={isLast} isActive={isActive} />
          </>
        ) : (
          <Notice line={line} reader={reader} />
        )}
      </Boundary>
    </div>
  );
});

/** What the sides of bubbles tell to those who see them. */
function spokenBy({ line }: TimelineRow, { nameOf }: Reader): string {
  if (line.isOwn) return 'You: ';
  return line.sender === undefined ? '' : `${nameOf(line.sender)}: `;
}

function Day({ time }: { time: number }) {
  const now = useNow();
  return (
    <h3 className={styles.day}>
      <span>{dayLabel(time, now)}</span>
    </h3>
  );
}

/** Another row would take away what was opened over this one. */
function isMenuOpen(): boolean {
  return document.querySelector('[role=log] :popover-open') !== null;
}
