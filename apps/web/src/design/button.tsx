/** Buttons that say in words what they do. */
import type { ComponentProps } from 'react';
import styles from './button.module.css';
import { classes } from './classes.ts';
import { Spinner } from './spinner.tsx';

export interface ButtonProps extends ComponentProps<'button'> {
  /** One `primary` button a screen; `quiet` for what few want; `danger` for what cannot be taken back. */
  tone?: 'primary' | 'plain' | 'quiet' | 'danger';
  /** What it does is under way: it takes no further click, and keeps the focus. */
  busy?: boolean;
}

/** A button. It submits nothing unless `type="submit"` is said. */
export function Button({
  tone = 'plain',
  busy = false,
  type = 'button',
  className,
  children,
  onClick,
  ...others
}: ButtonProps) {
  return (
    <button
      {...others}
      type={type}
      className={classes(styles.button, styles[tone], busy && styles.busy, className)}
      aria-disabled={busy || undefined}
      onClick={busy ? (event) => event.preventDefault() : onClick}
    >
      <span className={styles.label}>{children}</span>
      {busy && (
        <span className={styles.spinner}>
          <Spinner label="Working" />
        </span>
      )}
    </button>
  );
}
