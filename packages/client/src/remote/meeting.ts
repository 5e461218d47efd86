/** Where those meet who share a store: the tabs of a browser, or the processes of a machine. */
import type { Store } from '../store/store.ts';
import type { Line } from './line.ts';

export interface Meeting {
  /** The store, when nobody has it; undefined when somebody does. Rejects as opening it does otherwise. */
  open(): Promise<Store | undefined>;
  /** Lets others come, for whoever has the store; gives what ends that, and the lines to all who have come. */
  host(onLine: (line: Line) => void): Promise<() => Promise<void>>;
  /** A line to whoever has the store; undefined when nobody has answered yet. It ends when the store is to be had. */
  join(): Promise<Line | undefined>;
  /** Resolves when it is worth trying again. */
  pause(): Promise<void>;
  /** Forgets everything, and waits for nothing any more. A store that came meanwhile, and that nobody has taken, is closed. */
  leave(): Promise<void>;
}
