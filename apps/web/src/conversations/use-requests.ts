/** Conversations that wait to be accepted, as React state. */
import type { MessageRequest } from '@sotto/client';
import { useClient } from '@sotto/hooks';
import { useEffect, useState } from 'react';

/** They are asked for again with each connection, and when a conversation is new or another one. */
export function useRequests(): readonly MessageRequest[] {
  const client = useClient();
  const [requests, setRequests] = useState<readonly MessageRequest[]>([]);
  useEffect(() => {
    let isCurrent = true;
    const ask = () => {
      client.people.requests().then(
        (found) => isCurrent && setRequests(found),
        () => undefined, // Without a connection those that are known stay; the next one asks again.
      );
    };
    ask();
    const ends = [client.on('connected', ask), client.on('conversation', ask)];
    return () => {
      isCurrent = false;
      for (const end of ends) end();
    };
  }, [client]);
  return requests;
}
