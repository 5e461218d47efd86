/** How far a message has come, as a sign and in words. */
import type { MessageStatus } from '@sotto/client';

/** A sign for a line's edge, and the words for those who do not see it. */
export interface Tick {
  readonly sign: string;
  readonly words: string;
}

/** `received` has none: ticks are for our own messages. */
const TICKS: Readonly<Record<Exclude<MessageStatus, 'received'>, Tick>> = {
  waiting: { sign: '…', words: 'Waiting to be sent' },
  stored: { sign: '✓', words: 'Sent' },
  delivered: { sign: '✓✓', words: 'Delivered' },
  read: { sign: '✓✓', words: 'Read' },
  failed: { sign: '!', words: 'Not sent' },
};

/** The tick of a status; undefined for what others wrote. */
export function tickOf(status: MessageStatus): Tick | undefined {
  return status === 'received' ? undefined : TICKS[status];
}

/** The SDK counts so far. */
const COUNTED_MAX = 1_000;

/** How many are unread, for a badge; empty for none. */
export function unreadLabel(count: number): string {
  if (count <= 0) return '';
  return count < COUNTED_MAX ? `${count}` : `${COUNTED_MAX - 1}+`;
}
