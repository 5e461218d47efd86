/** How long after the end of a fault each device writes and reads again (DESIGN 8). */

export interface Recovery {
  /** Milliseconds from the end of the fault, by device; Infinity for one that had not recovered in time. */
  times: number[];
}

export interface Watch {
  /** A device had a letter stored, or was given one, by the letter's number. */
  onStored(index: number, number: number): void;
  onGiven(index: number, number: number): void;
  /** Looks at those who have only to read what was there before. Call it often. */
  tick(): void;
  /** Resolves when all have recovered, or when time is up. */
  done: Promise<Recovery>;
}

export interface WatchOptions {
  devices: number;
  /** The newest letter: those written from now on have higher numbers. */
  newest: number;
  /** Whether a device has everything that was stored before the watch began, from whichever node. */
  hasAll(index: number): boolean;
  withinMs: number;
}

/**
 * Watches from the end of a fault on. A device has recovered when a letter that it wrote after that end is stored, one
 * that another wrote after it has reached it, and so has everything from before.
 */
export function watchRecovery({ devices, newest, hasAll, withinMs }: WatchOptions): Watch {
  const endedAt = performance.now();
  const stored = new Uint8Array(devices);
  const given = new Uint8Array(devices);
  const times = Array.from({ length: devices }, () => Number.POSITIVE_INFINITY);
  const { promise, resolve } = Promise.withResolvers<Recovery>();
  let left = devices;
  const timer = setTimeout(() => resolve({ times }), withinMs);

  function look(index: number): void {
    if (stored[index] === 0 || given[index] === 0 || times[index] !== Number.POSITIVE_INFINITY)
      return;
    if (!hasAll(index)) return;
    times[index] = performance.now() - endedAt;
    left -= 1;
    if (left > 0) return;
    clearTimeout(timer);
    resolve({ times });
  }

  function note(marks: Uint8Array, index: number, number: number): void {
    if (number <= newest || marks[index] === 1) return;
    marks[index] = 1;
    look(index);
  }

  return {
    onStored: (index, number) => note(stored, index, number),
    onGiven: (index, number) => note(given, index, number),
    tick() {
      for (let index = 0; index < devices; index += 1) look(index);
    },
    done: promise,
  };
}
