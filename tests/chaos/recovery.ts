/** How long after the end of a fault each device writes and reads again (DESIGN 8). */

export interface Recovery {
  /** Milliseconds from the end of the fault, by device; Infinity for one that had not recovered in time. */
  times: number[];
}

export interface Watch {
  /** A device had a letter stored, or was given one, by the letter's number. */
  onStored(index: number, number: number): void;
  onGiven(index: number, number: number): void;
  /** Resolves when all have recovered, or when time is up. */
  done: Promise<Recovery>;
}

/**
 * Watches from the end of a fault on. A device has recovered when a letter that it wrote after that end is stored, and
 * one that another wrote after it has reached it. Letters written later have higher numbers than `newest`.
 */
export function watchRecovery(devices: number, newest: number, withinMs: number): Watch {
  const endedAt = performance.now();
  const stored = new Uint8Array(devices);
  const given = new Uint8Array(devices);
  const times = Array.from({ length: devices }, () => Number.POSITIVE_INFINITY);
  const { promise, resolve } = Promise.withResolvers<Recovery>();
  let left = devices;
  const timer = setTimeout(() => resolve({ times }), withinMs);

  function note(marks: Uint8Array, index: number, number: number): void {
    if (number <= newest || marks[index] === 1) return;
    marks[index] = 1;
    if (stored[index] === 0 || given[index] === 0) return;
    times[index] = performance.now() - endedAt;
    left -= 1;
    if (left > 0) return;
    clearTimeout(timer);
    resolve({ times });
  }

  return {
    onStored: (index, number) => note(stored, index, number),
    onGiven: (index, number) => note(given, index, number),
    done: promise,
  };
}
