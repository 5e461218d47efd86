/** Removals one after the other: what cannot be removed holds up nothing else, and a store that is down is left alone. */
import { FAILURES_IN_ROW_MAX } from './limits.ts';

export interface RemovalsOptions {
  /** Ends them after the one that is under way. */
  signal: AbortSignal;
  onFailure(error: unknown): void;
}

/**
 * Removes each of what comes, and passes over what fails. Gives up after several failures in a row: the other side is
 * down, and is asked again in the next round. Throws what reading the items throws.
 */
export async function removeEach<Item>(
  items: Iterable<Item> | AsyncIterable<Item>,
  remove: (item: Item) => Promise<void>,
  { signal, onFailure }: RemovalsOptions,
): Promise<void> {
  let failures = 0;
  for await (const item of items) {
    try {
      await remove(item);
      failures = 0;
    } catch (error) {
      onFailure(error);
      failures += 1;
      if (failures === FAILURES_IN_ROW_MAX) return;
    }
    // Behind a removal: what was taken on for this round is done.
    if (signal.aborted) return;
  }
}
