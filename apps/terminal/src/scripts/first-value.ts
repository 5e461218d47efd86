/** Reading an observable once. */
import type { Observable } from '@sotto/client';

/** The first value of an observable that is undefined before it was read. */
export function firstValue<T>({ subscribe, get }: Observable<T | undefined>): Promise<T> {
  const { promise, resolve } = Promise.withResolvers<T>();
  const look = () => {
    const value = get();
    if (value !== undefined) resolve(value);
  };
  const end = subscribe(look);
  look();
  return promise.finally(end);
}
