/**
 * The receiver's view of one sending device's counter in one conversation. The transport delivers in
 * order, so anything but the next number is worth showing: a repeated one is dropped, a gap or a late
 * one is a warning.
 */
import { CryptoError } from './errors.ts';
import { MISSING_COUNTERS_MAX } from './limits.ts';

/** What has been seen; plain data, kept by the caller with the message that changed it. */
export interface SenderCounter {
  readonly highest: number;
  /** Numbers below `highest` that never came, ascending, at most 1 000. */
  readonly missing: readonly number[];
}

/** What the number of an accepted message means. */
export interface CounterVerdict {
  /** `next` is the normal case; `gap` skipped numbers; `late` fills one that was skipped. */
  readonly verdict: 'next' | 'gap' | 'late';
  readonly seen: SenderCounter;
}

/**
 * Judges the counter of a message that decrypted. The first message ever seen from a device may carry
 * any number, because one joins conversations late. Throws `message.duplicate` for a number that was
 * seen, or given up: the caller drops the message and keeps its old state.
 */
export function acceptCounter(seen: SenderCounter | undefined, counter: number): CounterVerdict {
  if (seen === undefined) return { verdict: 'next', seen: { highest: counter, missing: [] } };
  if (counter > seen.highest) return advance(seen, counter);
  if (!seen.missing.includes(counter)) {
    throw new CryptoError('message.duplicate', 'the sender counter repeats');
  }
  const missing = seen.missing.filter((number) => number !== counter);
  return { verdict: 'late', seen: { highest: seen.highest, missing } };
}

function advance(seen: SenderCounter, counter: number): CounterVerdict {
  const skipped = counter - seen.highest - 1;
  if (skipped === 0) return { verdict: 'next', seen: { ...seen, highest: counter } };
  const remembered = Math.min(skipped, MISSING_COUNTERS_MAX);
  const added = Array.from({ length: remembered }, (_, index) => counter - remembered + index);
  const missing = [...seen.missing, ...added].slice(-MISSING_COUNTERS_MAX);
  return { verdict: 'gap', seen: { highest: counter, missing } };
}
