/** Work that is done again and again until it is closed. */
import { BUS_REOPEN_MAX_MS, BUS_RETRY_FIRST_MS, BUS_RETRY_MAX_MS } from './limits.ts';
import { createPause } from './pause.ts';

export interface Repeat {
  readonly closed: boolean;
  /** Ends the pause under way, if there is one. */
  hurry(): void;
  /** Resolves when the turn under way has ended; no other follows. */
  close(): Promise<void>;
}

/**
 * Does the work again whenever it has ended. After a failure it waits, longer each time, and tells `onFailure` how
 * often the work has failed in a row. Work that lasted for long ({@link BUS_RETRY_MAX_MS}) was well: its end is the first in a
 * row, however many there have been in months.
 */
export function repeat(
  work: () => Promise<void>,
  onFailure: (error: unknown, attempt: number) => void,
): Repeat {
  let closed = false;
  const pause = createPause();

  async function loop(): Promise<void> {
    let failures = 0;
    while (!closed) {
      const begunAt = performance.now();
      try {
        await work();
        failures = 0;
      } catch (error) {
        if (closed) return;
        if (performance.now() - begunAt > BUS_RETRY_MAX_MS) failures = 0;
        failures++;
        onFailure(error, failures);
      }
      // Also after success: work that ends at once must not keep the processor.
      if (!closed)
        await pause.rest(Math.min(BUS_REOPEN_MAX_MS, BUS_RETRY_FIRST_MS * 2 ** failures));
    }
  }

  // The work may look at `closed` in its first turn, so that begins when the caller has this value.
  const done = Promise.resolve().then(loop);
  return {
    get closed() {
      return closed;
    },
    hurry: pause.wake,
    close() {
      closed = true;
      pause.wake();
      return done;
    },
  };
}
