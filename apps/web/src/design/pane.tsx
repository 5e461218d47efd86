/** A pane that was opened from somewhere: a bar with the way back and its title, and below it what scrolls. */
import { ArrowLeft } from 'lucide-react';
import type { ReactNode } from 'react';
import { IconButton } from './icon-button.tsx';
import styles from './pane.module.css';

export interface PaneProps {
  title: string;
  /** Its place among the headings of the page. */
  level?: 'h1' | 'h2';
  onBack: () => void;
  children: ReactNode;
}

/** The bar, and its children below it in the full width. */
export function Pane({ title, level: Level = 'h1', onBack, children }: PaneProps) {
  return (
    <div className={styles.pane}>
      <header className={styles.bar}>
        <span className={styles.back}>
          <IconButton label="Back" icon={ArrowLeft} onClick={onBack} />
        </span>
        <Level className={styles.title}>{title}</Level>
      </header>
      <div className={styles.scroll}>{children}</div>
    </div>
  );
}

/** What is read in a pane, no wider than eyes like it. */
export function PaneColumn({ children }: { children: ReactNode }) {
  return <div className={styles.column}>{children}</div>;
}
