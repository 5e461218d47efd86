/** The way back to what was said last. */
import type { TimelineRow } from '@sotto/hooks';
import { ArrowDown } from 'lucide-react';
import { useState } from 'react';
import { Badge } from '../design/index.ts';
import styles from './jump-button.module.css';

export interface JumpButtonProps {
  rows: readonly TimelineRow[];
  /** The key of the newest row that is in view. */
  seen: string | undefined;
  onJump: () => void;
}

/** It is there from when somebody went back: what came later and lies below is counted. */
export function JumpButton({ rows, seen, onJump }: JumpButtonProps) {
  const [since] = useState(rows.at(-1)?.line.time ?? 0);
  const at = rows.findIndex(({ key }) => key === seen);
  const below = at === -1 ? [] : rows.slice(at + 1);
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
