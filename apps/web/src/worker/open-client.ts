/** Opens the client of this browser, in a worker. The one file that knows where its keys and messages are held. */
import type { Client } from '@sotto/client';
import { openWorkerClient } from '@sotto/client/worker';
import workerPath from './main.ts?worker&url';
import { trustedScript } from './trusted-script.ts';

const STORE = 'sotto';

/** The client of this browser's store. Rejects as `openWorkerClient` does. */
export async function openClient(): Promise<Client> {
  const worker = new Worker(trustedScript(workerPath), { type: 'module', name: STORE });
  try {
    return await openWorkerClient(worker, { url: location.origin, name: STORE });
  } catch (error) {
    worker.terminate();
    throw error;
  }
}

/** Removes keys and messages from this browser, for ever. The client is to be closed before. */
export async function removeStore(): Promise<void> {
  const { deleteIndexedDbStore } = await import('@sotto/client/indexeddb');
  await deleteIndexedDbStore(STORE);
}
