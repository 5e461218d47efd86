/** Which conversations wait to be accepted. */
import type { Client, MessageRequest } from '@sotto/client';

/** What following them needs of a client. */
export type RequestsDeps = Pick<Client, 'on'> & {
  readonly people: Pick<Client['people'], 'requests'>;
};

/** Whom to show them to. */
export type ShowRequests = (requests: readonly MessageRequest[]) => void;

/**
 * Asks now, with each connection, when a conversation is new or another one, and when somebody of a request is shown in
 * another way: a block ends it. Gives back the function that ends that.
 */
export function followRequests(client: RequestsDeps, show: ShowRequests): () => void {
  let isFollowed = true;
  let shown: readonly MessageRequest[] = [];
  const ask = () =>
    void askForRequests(client, (found) => {
      if (!isFollowed) return;
      shown = found;
      show(found);
    });
  const ends = [
    client.on('connected', ask),
    client.on('conversation', ask),
    client.on('profile', ({ user }) => {
      if (shown.some(({ members }) => members.includes(user))) ask();
    }),
  ];
  ask();
  return () => {
    isFollowed = false;
    for (const end of ends) end();
  };
}

/** Asks once. Without a connection nothing is shown, and what was known stays: the next connection asks again. */
export async function askForRequests(
  { people }: Pick<RequestsDeps, 'people'>,
  show: ShowRequests,
): Promise<void> {
  const found = await people.requests().catch(() => undefined);
  if (found !== undefined) show(found);
}
