/** Two panes side by side where there is room, one where there is not. */
import type { ReactNode } from 'react';
import { classes } from '../design/index.ts';
import styles from './layout.module.css';

export interface LayoutProps {
  /** The list that leads elsewhere. */
  side: ReactNode;
  /** What was chosen of it. */
  main: ReactNode;
  /** The pane that a narrow window shows. */
  front: 'side' | 'main';
}

/** Both panes stay on the page, so that what was scrolled or written in one is there when it comes back. */
export function Layout({ side, main, front }: LayoutProps) {
  return (
    <div className={styles.layout}>
      <nav className={classes(styles.side, front === 'side' && styles.front)} aria-label="Sotto">
        {side}
      </nav>
      <main className={classes(styles.main, front === 'main' && styles.front)}>{main}</main>
    </div>
  );
}
