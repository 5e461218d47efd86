/** How many wait. */
import styles from './badge.module.css';

const COUNT_SHOWN_MAX = 99;

/** A count; nothing when it is zero. */
export function Badge({ count }: { count: number }) {
  if (count === 0) return null;
  return (
    <span className={styles.badge}>
      {count > COUNT_SHOWN_MAX ? `${COUNT_SHOWN_MAX}+` : count}
      <span className={styles.words}> unread</span>
    </span>
  );
}
