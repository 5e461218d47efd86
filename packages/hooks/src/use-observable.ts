/** The SDK's observables as React state. */
import type { Observable } from '@sotto/client';
import { useSyncExternalStore } from 'react';

/** The value of an observable; the component renders anew at each change of it. */
export function useObservable<T>({ subscribe, get }: Observable<T>): T {
  return useSyncExternalStore(subscribe, get, get);
}
