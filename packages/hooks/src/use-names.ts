/** What people are called, as React state. */
import { useEffect, useMemo } from 'react';
import { useClient } from './client-context.ts';
import type { NameOf, UserId } from './ids.ts';
import { NAMELESS } from './names.ts';
import { observeAll } from './observe-all.ts';
import { useObservable } from './use-observable.ts';
import { usernamesOf } from './username-book.ts';

/**
 * Names for these users: the one that they show, else their username, else `NAMELESS`. Anybody may show any name: where it
 * matters who it is, show `useUsername` beside it.
 */
export function useNames(users: readonly UserId[]): NameOf {
  const client = useClient();
  const key = users.join();
  // biome-ignore lint/correctness/useExhaustiveDependencies: the same users are the same key
  const listed = useMemo(() => [...new Set(users)], [key]);
  const profiles = useObservable(
    useMemo(() => observeAll(listed.map((user) => client.state.profile(user))), [client, listed]),
  );
  const book = usernamesOf(client);
  const usernames = useObservable(book);
  useEffect(() => {
    book.want(listed.filter((_, at) => profiles[at]?.name === undefined));
  }, [book, listed, profiles]);
  return useMemo(() => {
    const names = new Map(listed.map((user, at) => [user, profiles[at]?.name]));
    return (user) => names.get(user) ?? usernames.get(user) ?? NAMELESS;
  }, [listed, profiles, usernames]);
}

/** The username of somebody, which is one account's only; undefined while it is not known. */
export function useUsername(user: UserId | undefined): string | undefined {
  const book = usernamesOf(useClient());
  const usernames = useObservable(book);
  useEffect(() => {
    if (user !== undefined) book.want([user]);
  }, [book, user]);
  return user === undefined ? undefined : usernames.get(user);
}
