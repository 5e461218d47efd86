/** A rest between two attempts that can be cut short. */

export interface Pause {
  /** Resolves after the time, or when it is cut short. One rest at a time. */
  rest(ms: number): Promise<void>;
  /** Ends the rest under way. */
  wake(): void;
}

/** Nobody rests yet. */
export function createPause(): Pause {
  let wake = (): void => undefined;
  return {
    rest(ms) {
      return new Promise((resolve) => {
        const timer = setTimeout(resolve, ms);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    },
    wake: () => wake(),
  };
}
