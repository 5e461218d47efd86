/** One thing at a time that a person has asked for: under way, done, or failed in words. */
import { useCallback, useEffect, useRef, useState } from 'react';
import { explain } from '../shell/explain.ts';

/** What a form shows of its task. */
export interface Task {
  readonly isBusy: boolean;
  /** Why the last try has failed. */
  readonly error: string | undefined;
  /** True when it went well. Nothing happens while another one runs. */
  readonly run: (work: () => Promise<void>) => Promise<boolean>;
}

/** A task of the component that asks for it. */
export function useTask(): Task {
  const [isBusy, setBusy] = useState(false);
  const [error, setError] = useState<string>();
  const running = useRef(false);
  const run = useCallback(async (work: () => Promise<void>): Promise<boolean> => {
    if (running.current) return false;
    running.current = true;
    setBusy(true);
    setError(undefined);
    try {
      await work();
      return true;
    } catch (failure) {
      setError(explain(failure));
      return false;
    } finally {
      running.current = false;
      setBusy(false);
    }
  }, []);
  return { isBusy, error, run };
}

/** What is asked for once and again on demand. */
export interface Loaded<T> {
  readonly value: T | undefined;
  readonly error: string | undefined;
  readonly reload: () => void;
}

/** Loads a value when the component appears and whenever `load` is another function: what another one gave is not shown then. */
export function useLoaded<T>(load: () => Promise<T>): Loaded<T> {
  const [state, setState] = useState<Answer<T>>({ of: load });
  const [attempt, setAttempt] = useState(0);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another attempt is a reason to load again
  useEffect(() => {
    let isCurrent = true;
    load().then(
      (value) => isCurrent && setState({ of: load, value }),
      (failure: unknown) =>
        isCurrent && setState((old) => ({ ...answerOf(old, load), error: explain(failure) })),
    );
    return () => {
      isCurrent = false;
    };
  }, [load, attempt]);
  const reload = useCallback(() => setAttempt((count) => count + 1), []);
  const { value, error } = answerOf(state, load);
  return { value, error, reload };
}

/** What a function gave that loads something. */
interface Answer<T> {
  readonly of: () => Promise<T>;
  readonly value?: T;
  readonly error?: string;
}

/** Only what this very one gave: that of another is an answer to another question. */
function answerOf<T>(answer: Answer<T>, load: Answer<T>['of']): Answer<T> {
  return answer.of === load ? answer : { of: load };
}
