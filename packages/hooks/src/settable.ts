/** A value that components follow, as they follow those of the SDK. */
import type { Observable } from '@sotto/client';

/** An observable, for whoever may change it. */
export interface Settable<T> extends Observable<T> {
  readonly set: (value: T) => void;
}

/** One that begins with a value. */
export function createSettable<T>(initial: T): Settable<T> {
  const listeners = new Set<() => void>();
  let value = initial;
  return {
    get: () => value,
    set(next) {
      value = next;
      // Whoever hears of it may leave.
      for (const listener of [...listeners]) listener();
    },
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
  };
}
