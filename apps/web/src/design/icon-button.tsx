/** Buttons that show a picture and have a name. */
import type { LucideIcon } from 'lucide-react';
import type { ComponentProps } from 'react';
import { classes } from './classes.ts';
import styles from './icon-button.module.css';

export interface IconButtonProps extends ComponentProps<'button'> {
  /** What it does, for screen readers and as a tip. */
  label: string;
  icon: LucideIcon;
  tone?: 'plain' | 'primary' | 'danger';
}

/** A button of one icon, as large as a finger. */
export function IconButton({
  label,
  icon: Icon,
  tone = 'plain',
  className,
  ...others
}: IconButtonProps) {
  return (
    <button
      type="button"
      aria-label={label}
      title={label}
      {...others}
      className={classes(styles.button, styles[tone], className)}
    >
      <Icon size={20} strokeWidth={1.75} aria-hidden />
    </button>
  );
}
