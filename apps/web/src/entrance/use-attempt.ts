/** Something that is tried at a click, takes a while and may fail. */
import { useState } from 'react';

/** How a try stands. */
export interface Attempt {
  readonly isBusy: boolean;
  /** Of the last try, until the next one. */
  readonly error: unknown;
  /** Tries; a try that is under way is not begun again. */
  readonly run: (work: () => Promise<void>) => void;
}

/** Keeps how the tries of a component stand. */
export function useAttempt(): Attempt {
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>();
  const run = (work: () => Promise<void>): void => {
    if (isBusy) return;
    setBusy(true);
    setError(undefined);
    work()
      .catch((failure: unknown) => setError(failure))
      .finally(() => setBusy(false));
  };
  return { isBusy, error, run };
}
