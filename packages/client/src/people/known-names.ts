/** Usernames that the platform has told, for when it cannot be asked: nobody is to be a number without a connection. */
import type { UserEntry, UserId } from '@sotto/api';
import * as z from 'zod/mini';
import type { Call } from '../connection/call.ts';
import { ConnectionError } from '../errors.ts';
import { keys } from '../store/key-space.ts';
import type { Store } from '../store/store.ts';
import { getRecord, putRecord } from '../store/stored-record.ts';
import { findPerson } from './people.ts';

const KnownName = z.object({ username: z.string() });

/** A user as the platform has them, or else the name that it told last. Throws as `findPerson` does when there is none. */
export async function findKnownPerson(
  { store, call }: { readonly store: Store; readonly call: Call },
  user: UserId,
): Promise<UserEntry> {
  try {
    const found = await findPerson(call, user);
    await noteName(store, found);
    return found;
  } catch (error) {
    if (!(error instanceof ConnectionError)) throw error;
    const known = await store.transaction((it) => getRecord(it, keys.username(user), KnownName));
    if (known === undefined) throw error;
    return { user, username: known.username };
  }
}

function noteName(store: Store, { user, username }: UserEntry): Promise<void> {
  const key = keys.username(user);
  return store.transaction(async (transaction) => {
    const known = await getRecord(transaction, key, KnownName);
    if (known?.username !== username) await putRecord(transaction, key, [KnownName, { username }]);
  });
}
