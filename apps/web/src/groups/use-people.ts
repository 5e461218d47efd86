/** Whom somebody may mean: people of their conversations, and those whom the platform's directory finds. */
import { ApiError } from '@sotto/client';
import { type UserId, useClient, useConversations, useNames } from '@sotto/hooks';
import { useEffect, useMemo, useState } from 'react';
import { explain } from '../shell/explain.ts';
import { useMe } from '../shell/me.ts';

/** Somebody who can be chosen. */
export interface Candidate {
  readonly user: UserId;
  /** What they call themselves, or their username. */
  readonly name: string;
  /** As far as the directory has told it. */
  readonly username?: string | undefined;
}

/** What was found. */
export interface Found {
  readonly people: readonly Candidate[];
  readonly isLooking: boolean;
  readonly error?: string;
}

/** Typing goes on for so long before the platform is asked. */
const PAUSE_MS = 250;
const FOUND_MAX = 10;
const KNOWN_MAX = 100;

/** People for what somebody has typed: those they know first. */
export function usePeople(query: string): Found {
  const me = useMe().user;
  const conversations = useConversations();
  const known = useMemo(() => {
    const members = (conversations ?? []).flatMap(({ members: all }) => all);
    return [...new Set(members)].filter((user) => user !== me).slice(0, KNOWN_MAX);
  }, [conversations, me]);
  const nameOf = useNames(known);
  const listed = useDirectory(query);
  const people = useMemo(() => {
    const wanted = query.trim().toLocaleLowerCase();
    const usernames = new Map(listed.people.map(({ user, username }) => [user, username]));
    const mine = known
      .map((user) => ({ user, name: nameOf(user), username: usernames.get(user) }))
      .filter(({ name }) => name.toLocaleLowerCase().includes(wanted));
    const isNew = ({ user }: Candidate) => user !== me && !mine.some((one) => one.user === user);
    return [...mine, ...listed.people.filter(isNew)];
  }, [known, nameOf, listed.people, query, me]);
  return { ...listed, people };
}

const NOBODY: Found = { people: [], isLooking: false };

function useDirectory(query: string): Found {
  const client = useClient();
  const [found, setFound] = useState<Found>(NOBODY);
  const name = query.trim().replace(/^@/, '');
  useEffect(() => {
    if (name === '') return setFound(NOBODY);
    let isCurrent = true;
    setFound(({ people }) => ({ people, isLooking: true }));
    const timer = setTimeout(() => {
      lookUp(client, name).then(
        (people) => isCurrent && setFound({ people, isLooking: false }),
        (error: unknown) =>
          isCurrent && setFound({ people: [], isLooking: false, error: explain(error) }),
      );
    }, PAUSE_MS);
    return () => {
      isCurrent = false;
      clearTimeout(timer);
    };
  }, [client, name]);
  return found;
}

/** By the first letters where the platform has a directory, and by the whole name in any case. */
async function lookUp(
  client: ReturnType<typeof useClient>,
  name: string,
): Promise<readonly Candidate[]> {
  const exact = client.findUser(name).catch(nobodyWithoutDirectory);
  const listed = client.people.list({ name, limit: FOUND_MAX }).catch(nobodyWithoutDirectory);
  const [one, more] = await Promise.all([exact, listed]);
  const all = [...(one === undefined ? [] : [one].flat()), ...(more ?? [])];
  const byUser = new Map(
    all.map(({ user, username }) => [user, { user, name: username, username }]),
  );
  return [...byUser.values()];
}

/** A platform may ask for more letters, or have no directory: nobody is found then, which is no fault. */
function nobodyWithoutDirectory(error: unknown): undefined {
  const codes = ['user.directory-off', 'request.invalid'];
  if (error instanceof ApiError && codes.includes(error.code)) return undefined;
  throw error;
}
