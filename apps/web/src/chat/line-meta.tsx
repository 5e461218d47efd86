/** The small print of a message: when, whether it was changed, how long it stays, how far it has come. */
import type { MessageView } from '@sotto/client';
import { clockLabel, countdownLabel, fullTimeLabel, machineTime } from '@sotto/hooks';
import { Timer } from 'lucide-react';
import { useNow } from '../conversations/use-now.ts';
import styles from './line-meta.module.css';
import { StatusTick } from './status-tick.tsx';

/** At the end of a bubble. */
export function LineMeta({ line }: { line: MessageView }) {
  const { body, time, expiresAt, isOwn, status } = line;
  return (
    <span className={styles.meta} dir="ltr">
      {body.type === 'text' && body.isEdited && <span>Edited</span>}
      {expiresAt !== undefined && <Countdown until={expiresAt} />}
      <time dateTime={machineTime(time)} title={fullTimeLabel(time)}>
        {clockLabel(time)}
      </time>
      {isOwn && <StatusTick status={status} />}
    </span>
  );
}

const SECOND_MS = 1000;
const SOON_MS = 2 * 60_000;

function Countdown({ until }: { until: number }) {
  const isSoon = until - Date.now() < SOON_MS;
  const now = useNow(isSoon ? SECOND_MS : SOON_MS / 4);
  const left = countdownLabel(until, now);
  return (
    <span className={styles.countdown} title={`Disappears in ${left}`}>
      <Timer size={12} strokeWidth={2.25} aria-hidden />
      {left}
    </span>
  );
}
