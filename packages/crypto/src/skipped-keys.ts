/**
 * Message seeds that were skipped and may still be needed (Double Ratchet section 2.6, MKSKIPPED).
 * One flat array, oldest first: it is saved as it is, copied when it changes, and searched from end
 * to end, which takes microseconds at its bound of 2 000.
 */
import { concat, equal } from './bytes.ts';
import { type SymmetricKey, symmetricKey } from './keys.ts';
import { SKIPPED_KEYS_MAX } from './limits.ts';

const COUNTER_OFFSET = 32;
const SEED_OFFSET = 36;

/** Bytes of one entry: ratchet key (32) ‖ counter (4) ‖ seed (32). */
export const SKIPPED_ENTRY_BYTES = 68;

/** Entries one after the other; a multiple of {@link SKIPPED_ENTRY_BYTES}. Never changed in place. */
export type SkippedKeys = Uint8Array;

/** No skipped keys. */
export const noSkippedKeys: SkippedKeys = new Uint8Array(0);

/** Which message a seed is for. */
export interface MessageNumber {
  readonly ratchetKey: Uint8Array;
  readonly counter: number;
}

/** A found seed, and the store without it. */
export interface TakenSeed {
  readonly seed: SymmetricKey<'message-seed'>;
  readonly rest: SkippedKeys;
}

/** Adds the seeds of consecutive messages, the first of which is `from`; drops the oldest over 2 000. */
export function addSkipped(
  skipped: SkippedKeys,
  from: MessageNumber,
  seeds: readonly SymmetricKey<'message-seed'>[],
): SkippedKeys {
  if (seeds.length === 0) return skipped;
  const added = new Uint8Array(seeds.length * SKIPPED_ENTRY_BYTES);
  const counters = new DataView(added.buffer);
  for (const [index, seed] of seeds.entries()) {
    const offset = index * SKIPPED_ENTRY_BYTES;
    added.set(from.ratchetKey, offset);
    counters.setUint32(offset + COUNTER_OFFSET, from.counter + index);
    added.set(seed, offset + SEED_OFFSET);
  }
  return mergeSkipped(skipped, added);
}

/** Older entries with newer ones behind them; the oldest over 2 000 are dropped. */
export function mergeSkipped(older: SkippedKeys, newer: SkippedKeys): SkippedKeys {
  if (newer.length === 0) return older;
  const all = concat(older, newer);
  return all.slice(Math.max(0, all.length - SKIPPED_KEYS_MAX * SKIPPED_ENTRY_BYTES));
}

/** Finds and removes the seed of a message; undefined when it was never skipped, used, or dropped. */
export function takeSkipped(skipped: SkippedKeys, wanted: MessageNumber): TakenSeed | undefined {
  const view = new DataView(skipped.buffer, skipped.byteOffset, skipped.length);
  for (let offset = 0; offset < skipped.length; offset += SKIPPED_ENTRY_BYTES) {
    if (view.getUint32(offset + COUNTER_OFFSET) !== wanted.counter) continue;
    const ratchetKey = skipped.subarray(offset, offset + COUNTER_OFFSET);
    if (!equal(ratchetKey, wanted.ratchetKey)) continue;
    const end = offset + SKIPPED_ENTRY_BYTES;
    return {
      seed: symmetricKey(skipped.slice(offset + SEED_OFFSET, end)),
      rest: concat(skipped.subarray(0, offset), skipped.subarray(end)),
    };
  }
  return undefined;
}
