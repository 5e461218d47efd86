/** Which conversations wait to be accepted. */
import type { Desk } from './desk.ts';

/** Asks with each connection, and when a conversation is new. Gives back the function that ends that. */
export function followRequests(desk: Desk): () => void {
  const ask = () => void askForRequests(desk);
  const ends = [desk.client.on('connected', ask), desk.client.on('conversation', ask)];
  ask();
  return () => {
    for (const end of ends) end();
  };
}

/** Asks now. Without a connection it stays as it was: the next one asks again. */
export async function askForRequests(desk: Desk): Promise<void> {
  try {
    const requests = await desk.client.people.requests();
    desk.change({ requests: new Set(requests.map(({ conversation }) => conversation)) });
  } catch {
    // See above.
  }
}
