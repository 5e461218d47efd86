/** Opens the client of this browser, in a worker. The one file that knows where its keys and messages are held. */
import type { Client } from '@sotto/client';
import { openWorkerClient } from '@sotto/client/worker';
import workerPath from './main.ts?worker&url';
import { trustedScript } from './trusted-script.ts';

const STORE = 'sotto';

/** Said by a tab that removes the store to all others. */
const LEAVE = 'leave';

/** A tab that the browser has put to sleep leaves as soon as it wakes. */
const LEAVE_MS = 10_000;

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

/** Asks the browser not to clear the store when its disk runs full. */
export function keepStore(): void {
  // Whether it agrees is its own affair, and some ask the person.
  void navigator.storage.persist?.();
}

/**
 * Removes keys and messages from this browser, for ever: asks all tabs to leave the store, and waits for them. The client
 * of this one is to be closed before. Rejects with `store.locked` when a tab does not leave.
 */
export async function removeStore(): Promise<void> {
  const { deleteIndexedDbStore } = await import('@sotto/client/indexeddb');
  using tabs = openTabs();
  tabs.channel.postMessage(LEAVE);
  await deleteIndexedDbStore(STORE, { waitUntil: AbortSignal.timeout(LEAVE_MS) });
}

/** Calls `listener` when another tab removes the store, for as long as the page lives. */
export function onRemoval(listener: () => void): void {
  openTabs().channel.addEventListener('message', ({ data }) => {
    if (data === LEAVE) listener();
  });
}

function openTabs() {
  const channel = new BroadcastChannel(`${STORE}-tabs`);
  return { channel, [Symbol.dispose]: () => channel.close() };
}
