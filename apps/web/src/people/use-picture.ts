/** The pictures that people show, fetched once for all the places that show them. */
import type { Client, Picture } from '@sotto/client';
import { type UserId, useClient, useProfile } from '@sotto/hooks';
import { useEffect, useState } from 'react';

/** A picture as it was when a profile of this time had it. */
interface Shown {
  readonly time: number;
  readonly picture: Promise<Picture | undefined>;
}

const books = new WeakMap<Client, Map<UserId, Shown>>();

/** Somebody's picture; undefined when they have none, and until it is there. One that cannot be had is not missed. */
export function usePicture(user: UserId): Picture | undefined {
  const client = useClient();
  const profile = useProfile(user);
  const [picture, setPicture] = useState<Picture>();
  const time = profile?.hasPicture === true ? profile.time : undefined;
  useEffect(() => {
    let isCurrent = true;
    if (time === undefined) setPicture(undefined);
    else
      void fetchPicture(client, user, time).then((found) => {
        if (isCurrent) setPicture(found);
      });
    return () => {
      isCurrent = false;
    };
  }, [client, user, time]);
  return picture;
}

function fetchPicture(client: Client, user: UserId, time: number): Promise<Picture | undefined> {
  const book = books.get(client) ?? new Map<UserId, Shown>();
  books.set(client, book);
  const known = book.get(user);
  if (known?.time === time) return known.picture;
  // Without a connection it is asked for again when somebody next looks.
  const picture = client.people.openPicture(user).catch(() => {
    book.delete(user);
    return undefined;
  });
  book.set(user, { time, picture });
  return picture;
}
