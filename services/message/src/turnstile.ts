/** Lets so many pieces of work run at a time; the others wait in line. */

export type Turnstile = <T>(work: () => Promise<T>) => Promise<T>;

/** A turnstile with nobody waiting. Work that fails frees its place like work that succeeds. */
export function createTurnstile(atOnce: number): Turnstile {
  const waiting: (() => void)[] = [];
  let free = atOnce;
  return async (work) => {
    if (free > 0) free -= 1;
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      // The place goes to the next in line, or back.
      if (next === undefined) free += 1;
      else next();
    }
  };
}
