/** Something is under way, and nobody knows how long. */
import styles from './spinner.module.css';

/** A turning ring. `label` says what is waited for, to those who do not see it. */
export function Spinner({ label }: { label: string }) {
  return (
    <span className={styles.spinner} role="status">
      <span className={styles.words}>{label}</span>
    </span>
  );
}
