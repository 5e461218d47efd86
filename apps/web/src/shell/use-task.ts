/** One thing at a time that a person has asked for: under way, done, or failed in words. */
import { useCallback, useRef, useState } from 'react';
import { explain } from './explain.ts';

/** What a form shows of its task. */
export interface Task {
  readonly isBusy: boolean;
  /** Why the last try has failed, in words; until the next one. */
  readonly error: string | undefined;
  /** The same as it was thrown. */
  readonly failure: unknown;
  /** True when it went well. Nothing happens while another one runs. */
  readonly run: (work: () => Promise<void>) => Promise<boolean>;
}

/** A task of the component that asks for it. */
export function useTask(): Task {
  const [isBusy, setBusy] = useState(false);
  const [failure, setFailure] = useState<unknown>();
  const running = useRef(false);
  const run = useCallback(async (work: () => Promise<void>): Promise<boolean> => {
    if (running.current) return false;
    running.current = true;
    setBusy(true);
    setFailure(undefined);
    try {
      await work();
      return true;
    } catch (thrown) {
      setFailure(thrown);
      return false;
    } finally {
      running.current = false;
      setBusy(false);
    }
  }, []);
  return { isBusy, error: failure === undefined ? undefined : explain(failure), failure, run };
}
