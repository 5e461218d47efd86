/** Waking a loop that waits for something to do: a ring while nobody waits is heard by the next who does. */

export interface Bell {
  ring(): void;
  /** Resolves at the next ring, or at once when it rang since the last wait. One waits at a time. */
  wait(): Promise<void>;
}

/** A bell that has not rung. */
export function createBell(): Bell {
  let rung = false;
  let wake: (() => void) | undefined;
  return {
    ring() {
      if (wake === undefined) rung = true;
      wake?.();
      wake = undefined;
    },
    wait() {
      if (rung) {
        rung = false;
        return Promise.resolve();
      }
      return new Promise((resolve) => {
        wake = resolve;
      });
    },
  };
}
