/** Opens the client of this browser. The one file that knows where its keys and messages are held. */
import { type Client, createClient } from '@sotto/client';
import { deleteIndexedDbStore, openIndexedDbStore } from '@sotto/client/indexeddb';

const STORE = 'sotto';

/** The client of this browser's store. Rejects as `openIndexedDbStore` does. */
export async function openClient(): Promise<Client> {
  const store = await openIndexedDbStore(STORE);
  return createClient({ url: location.origin, store });
}

/** Removes keys and messages from this browser, for ever. The client is to be closed before. */
export function removeStore(): Promise<void> {
  return deleteIndexedDbStore(STORE);
}
