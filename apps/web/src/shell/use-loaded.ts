/** What a component asks for when it appears. */
import { useCallback, useEffect, useState } from 'react';
import type { Loaded } from '../design/index.ts';
import { explain } from './explain.ts';

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
