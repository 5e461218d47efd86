/**
 * Whether the other side of a line is still there. A process or tab that was stopped keeps its lines and its store, so
 * nothing but its silence tells.
 */
import { type Observable, Source } from '../state/observable.ts';
import { PULSE_MS, PULSES_MISSED_MAX } from './limits.ts';

export interface Pulse {
  readonly silent: Observable<boolean>;
  /** Something came from the other side. */
  hear(): void;
}

/**
 * Asks from time to time, until `ended`. Looks are counted and not time: a side that was stopped itself has looked as
 * seldom as it has listened.
 */
export function watchPulse(ping: () => void, ended: AbortSignal): Pulse {
  const silent = new Source(false);
  let missed = 0;
  const look = () => {
    // One question waits at most: whoever is stopped for hours is not to find thousands.
    if (missed === 0) ping();
    else if (missed === PULSES_MISSED_MAX) silent.set(true);
    missed += 1;
  };
  const timer = ended.aborted ? undefined : setInterval(look, PULSE_MS);
  ended.addEventListener('abort', () => clearInterval(timer));
  return {
    silent,
    hear() {
      missed = 0;
      silent.set(false);
    },
  };
}
