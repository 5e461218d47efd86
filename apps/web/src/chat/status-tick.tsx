/** How far a message of one's own has come. */
import type { MessageStatus } from '@sotto/client';
import { tickOf } from '@sotto/hooks';
import { Check, CheckCheck, CircleAlert, Clock3, type LucideIcon } from 'lucide-react';
import { classes } from '../design/index.ts';
import styles from './status-tick.module.css';

const ICONS: Readonly<Record<Exclude<MessageStatus, 'received'>, LucideIcon>> = {
  waiting: Clock3,
  stored: Check,
  delivered: CheckCheck,
  read: CheckCheck,
  failed: CircleAlert,
};

/** Nothing for what others wrote. */
export function StatusTick({ status }: { status: MessageStatus }) {
  const tick = tickOf(status);
  if (status === 'received' || tick === undefined) return null;
  const Icon = ICONS[status];
  return (
    <Icon
      className={classes(styles.tick, styles[status])}
      size={15}
      strokeWidth={2}
      role="img"
      aria-label={tick.words}
      aria-hidden={false}
    />
  );
}
