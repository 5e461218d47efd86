/** A line across a pane that tells how things are. */
import { CircleAlert, Info, type LucideIcon, TriangleAlert } from 'lucide-react';
import type { ReactNode } from 'react';
import styles from './banner.module.css';
import { classes } from './classes.ts';

type Tone = 'info' | 'warning' | 'danger';

export interface BannerProps {
  tone: Tone;
  children: ReactNode;
  /** A button, when there is something to do about it. */
  action?: ReactNode;
}

const ICONS: Readonly<Record<Tone, LucideIcon>> = {
  info: Info,
  warning: TriangleAlert,
  danger: CircleAlert,
};

/** A banner. It is read out when it appears: at once when it is a danger, else when there is time. */
export function Banner({ tone, children, action }: BannerProps) {
  const Icon = ICONS[tone];
  return (
    <div
      className={classes(styles.banner, styles[tone])}
      role={tone === 'danger' ? 'alert' : 'status'}
    >
      <Icon className={styles.icon} size={18} strokeWidth={2} aria-hidden />
      <div className={styles.words}>{children}</div>
      {action !== undefined && <div className={styles.actions}>{action}</div>}
    </div>
  );
}
