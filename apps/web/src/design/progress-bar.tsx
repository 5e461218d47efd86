/** How far something has come. */
import styles from './progress-bar.module.css';

export interface ProgressBarProps {
  label: string;
  value: number;
  max: number;
}

/** A bar that fills from the start of the line. */
export function ProgressBar({ label, value, max }: ProgressBarProps) {
  return <progress className={styles.bar} aria-label={label} value={value} max={max} />;
}
