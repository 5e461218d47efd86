/**
 * Frames that wait to be taken in. What has come one by one for a conversation while something else was under way is taken
 * in together: each run is one transaction, and waits for the disk once.
 */
import type { ServerFrame } from '@sotto/api';
import { SLOTS_PER_RUN_MAX } from '../limits.ts';

/** What brings places of conversations, or speaks of them. */
export type IncomingFrame = Extract<ServerFrame, { type: 'catch-up' | 'slots' | 'heads' }>;

type SlotsFrame = Extract<IncomingFrame, { type: 'slots' }>;

/** Takes the first frame with those that follow on it. Undefined when there is none: it went with one before it. */
export function takeRun(waiting: IncomingFrame[]): IncomingFrame | undefined {
  const first = waiting.shift();
  if (first?.type !== 'slots') return first;
  let run: SlotsFrame = first;
  for (let next = waiting[0]; next?.type === 'slots' && follows(run, next); [next] = waiting) {
    waiting.shift();
    run = { ...run, ...next, slots: [...run.slots, ...next.slots] };
  }
  return run;
}

function follows(run: SlotsFrame, next: SlotsFrame): boolean {
  const isTooMuch = run.slots.length + next.slots.length > SLOTS_PER_RUN_MAX;
  return next.conversation === run.conversation && run.caughtUp !== true && !isTooMuch;
}
