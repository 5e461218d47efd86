/** Values that change by themselves, as user interfaces bind to them. */
import { callListener } from '../events.ts';

/**
 * A value and its changes; in React `useSyncExternalStore(observable.subscribe, observable.get)`. What takes work is kept
 * up while somebody subscribes, and is `undefined` when nobody does.
 */
export interface Observable<T> {
  /** The value: the same object until something of it has changed. */
  readonly get: () => T;
  /** Calls `listener` after each change; gives back the function that ends that. */
  readonly subscribe: (listener: () => void) => () => void;
}

/** Does what keeps a value up, and gives back what ends that. */
export type Upkeep = () => () => void;

/** An observable from the side of whoever sets it. */
export class Source<T> implements Observable<T> {
  readonly #upkeep: Upkeep;
  readonly #listeners = new Set<() => void>();
  #value: T;
  #end: (() => void) | undefined;
  #isToTell = false;

  /** The upkeep begins with the first listener, and ends when there is none any more. */
  constructor(initial: T, upkeep: Upkeep = () => () => {}) {
    this.#value = initial;
    this.#upkeep = upkeep;
  }

  readonly get = (): T => this.#value;

  readonly subscribe = (listener: () => void): (() => void) => {
    const heard = () => listener(); // One of its own: a function may subscribe twice.
    this.#listeners.add(heard);
    this.#end ??= this.#upkeep();
    return () => {
      this.#listeners.delete(heard);
      // Not at once: one part of a page may make room for another that shows the same.
      queueMicrotask(() => this.#restIfUnused());
    };
  };

  /** Listeners hear of it a moment later, so that all that changes together is seen together. */
  set(value: T): void {
    if (Object.is(value, this.#value)) return;
    this.#value = value;
    if (this.#isToTell) return;
    this.#isToTell = true;
    queueMicrotask(() => {
      this.#isToTell = false;
      for (const listener of [...this.#listeners]) callListener(listener, undefined);
    });
  }

  #restIfUnused(): void {
    if (this.#listeners.size > 0 || this.#end === undefined) return;
    this.#end();
    this.#end = undefined;
  }
}

/**
 * One object for each key: the same one for as long as anybody has it, or one of its methods, if those are bound to it. What
 * keeps it up while it is used must refer to it, because whoever uses it may not.
 */
export function onePerKey<Key, T extends object>(make: (key: Key) => T): (key: Key) => T {
  const known = new Map<Key, WeakRef<T>>();
  const registry = new FinalizationRegistry<Key>((key) => {
    if (known.get(key)?.deref() === undefined) known.delete(key);
  });
  return (key) => {
    const there = known.get(key)?.deref();
    if (there !== undefined) return there;
    const made = make(key);
    known.set(key, new WeakRef(made));
    registry.register(made, key);
    return made;
  };
}
