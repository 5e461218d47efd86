/** The alarms of this page's client, as React state. */
import { useClient, useObservable } from '@sotto/hooks';
import { type AlarmBook, type AlarmView, alarmsOf } from './alarm-book.ts';

/** What stands now, and the book that it stands in. */
export function useAlarms(): { readonly view: AlarmView; readonly book: AlarmBook } {
  const book = alarmsOf(useClient());
  return { view: useObservable(book), book };
}
