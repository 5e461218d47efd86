/** Which conversations wait to be accepted. */
import type { Client, MessageRequest } from '@sotto/client';

/** What following them needs of a client. */
export type RequestsDeps = Pick<Client, 'on'> & {
  readonly people: Pick<Client['people'], 'requests'>;
};

/** Whom to show them to. */
export type ShowRequests = (requests: readonly MessageRequest[]) => void;

/** Asks now, with each connection, and when a conversation is new or another one. Gives back the function that ends that. */
export function followRequests(client: RequestsDeps, show: ShowRequests): () => void {
  let isFollowed = true;
  const ask = () => void askForRequests(client, (found) => isFollowed && show(found));
  const ends = [client.on('connected', ask), client.on('conversation', ask)];
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
