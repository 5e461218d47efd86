/** Conversations that wait to be accepted, as React state. */
import type { MessageRequest } from '@sotto/client';
import { followRequests, useClient } from '@sotto/hooks';
import { useEffect, useState } from 'react';

/** They are asked for again with each connection, and when a conversation is new or another one. */
export function useRequests(): readonly MessageRequest[] {
  const client = useClient();
  const [requests, setRequests] = useState<readonly MessageRequest[]>([]);
  useEffect(() => followRequests(client, setRequests), [client]);
  return requests;
}
