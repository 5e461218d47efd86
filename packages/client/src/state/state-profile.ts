/** What somebody shows of themselves, as a user interface shows it. */
import type { UserId } from '@sotto/api';
import { type Profile, readProfile } from '../people/profile.ts';
import { isSameValue } from './same-value.ts';
import { type StateDeps, StoredValue } from './stored-value.ts';

/** The newest profile of a user that has come; undefined before that. */
export function openProfile(deps: StateDeps, user: UserId): StoredValue<Profile | undefined> {
  const { store, events } = deps;
  return new StoredValue<Profile | undefined>(deps, (again) => ({
    async read(_, before) {
      const now = await store.transaction((transaction) => readProfile(transaction, user));
      return isSameValue(before, now) ? before : now;
    },
    end: events.on('profile', (event) => {
      if (event.user === user) again();
    }),
  }));
}
