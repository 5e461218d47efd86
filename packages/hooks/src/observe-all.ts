/** Several observables as one. */
import type { Observable } from '@sotto/client';

/** The values of all of them, in their order: the same array until one has changed. */
export function observeAll<T>(sources: readonly Observable<T>[]): Observable<readonly T[]> {
  let values: readonly T[] = [];
  return {
    get() {
      const now = sources.map(({ get }) => get());
      const isSame =
        now.length === values.length && now.every((value, at) => Object.is(value, values[at]));
      if (!isSame) values = now;
      return values;
    },
    subscribe(listener) {
      const ends = sources.map(({ subscribe }) => subscribe(listener));
      return () => {
        for (const end of ends) end();
      };
    },
  };
}
