/** Functions of this side that the other one may call. */
import type { Remote } from './carried-value.ts';
import { REFERENCES_MAX } from './limits.ts';

/** Functions that belong together: to the arguments of a call, or to its result. */
export interface Keeping {
  /** Keeps one more; gives its number. Throws a `RangeError` when there are too many. */
  keep(call: Remote): number;
  forget(reference: number): void;
  forgetAll(): void;
}

/** The functions of one line. */
export class KeptFunctions {
  readonly #calls = new Map<number, { readonly call: Remote; readonly forget: () => void }>();
  #last = 0;

  get(reference: number): Remote | undefined {
    return this.#calls.get(reference)?.call;
  }

  /** The other side does not call it any more. */
  drop(reference: number): void {
    this.#calls.get(reference)?.forget();
  }

  clear(): void {
    this.#calls.clear();
  }

  /** A place for functions that belong together. Calls `onEmpty` whenever the last of them is forgotten. */
  open(onEmpty: () => void = () => {}): Keeping {
    const own = new Set<number>();
    const forget = (reference: number) => {
      this.#calls.delete(reference);
      if (own.delete(reference) && own.size === 0) onEmpty();
    };
    return {
      keep: (call) => {
        if (this.#calls.size >= REFERENCES_MAX) {
          throw new RangeError('too many files, streams and listeners are open at once');
        }
        const reference = ++this.#last;
        own.add(reference);
        this.#calls.set(reference, { call, forget: () => forget(reference) });
        return reference;
      },
      forget,
      forgetAll() {
        for (const reference of own) forget(reference);
      },
    };
  }
}
