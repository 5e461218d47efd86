/** The alarms of a client, as React state. */
import { type AlarmBook, type AlarmView, alarmsOf } from './alarm-book.ts';
import { useClient } from './client-context.ts';
import { useObservable } from './use-observable.ts';

/** What stands now, and the book that it stands in. */
export function useAlarms(): { readonly view: AlarmView; readonly book: AlarmBook } {
  const book = alarmsOf(useClient());
  return { view: useObservable(book), book };
}
