/** Work that is asked for often and done seldom. */

export interface Pace {
  /**
   * Has the work done: at once, or after the pause when something was done a moment ago. The same function is called
   * once, however often it was asked for until then.
   */
  need(work: () => Promise<void>): void;
  /** Resolves when nothing of it runs any more, and nothing will. */
  close(): Promise<void>;
}

export interface PaceOptions {
  /** Between the end of what was done and the next beginning. */
  readonly pauseMs: number;
  readonly onError: (error: unknown) => void;
}

/** A pace of its own. It has a timer only while something is to be done. */
export function createPace({ pauseMs, onError }: PaceOptions): Pace {
  const wanted = new Set<() => Promise<void>>();
  let timer: ReturnType<typeof setTimeout> | undefined;
  let running: Promise<void> | undefined;
  let restsUntil = 0;
  let isClosed = false;

  function schedule(): void {
    if (isClosed || running !== undefined || wanted.size === 0) return;
    timer ??= setTimeout(begin, Math.max(0, restsUntil - performance.now()));
  }

  function begin(): void {
    timer = undefined;
    running = doAll().finally(() => {
      running = undefined;
      restsUntil = performance.now() + pauseMs;
      schedule();
    });
  }

  async function doAll(): Promise<void> {
    const all = [...wanted];
    wanted.clear();
    for (const work of all) {
      if (isClosed) return;
      try {
        await work();
      } catch (error) {
        if (!isClosed) onError(error); // Else it is that everything ends.
      }
    }
  }

  return {
    need(work) {
      wanted.add(work);
      schedule();
    },
    async close() {
      isClosed = true;
      clearTimeout(timer);
      await running;
    },
  };
}
