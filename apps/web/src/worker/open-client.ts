/** Opens the client of this browser, in a worker. The one file that knows where its keys and messages are held. */
import { ClientError } from '@sotto/client';
import { openWorkerClient } from '@sotto/client/worker';
import type { OpenedClient } from '../shell/current-client.ts';
import workerPath from './main.ts?worker&url';
import { trustedScript } from './trusted-script.ts';

const STORE = 'sotto';

/** Said by a tab that removes the store to all others. */
const LEAVE = 'leave';

/** A tab that the browser has put to sleep leaves as soon as it wakes, or reloads. */
const LEAVE_MS = 10_000;
const LOOK_AGAIN_MS = 250;

/** What a browser remembers of an account outside of its store. */
const NOTE_OF_ACCOUNT = /^sotto\/(alarms|notifications|hidden)\//;

/** One for the page: it hears the other tabs and not itself. */
const tabs = new BroadcastChannel(`${STORE}-tabs`);

/**
 * The client of this browser's store. Waits a while for tabs of another release to reload, which all do when the page is
 * updated. Rejects as `openWorkerClient` does.
 */
export async function openClient(): Promise<OpenedClient> {
  for (const end = Date.now() + LEAVE_MS; ; ) {
    try {
      return await openOnce();
    } catch (error) {
      const isLocked = error instanceof ClientError && error.code === 'store.locked';
      if (!isLocked || Date.now() > end) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN_MS));
  }
}

async function openOnce(): Promise<OpenedClient> {
  const worker = new Worker(trustedScript(workerPath), { type: 'module', name: STORE });
  try {
    const client = await openWorkerClient(worker, { url: location.origin, name: STORE });
    return {
      client,
      async close() {
        await client.close();
        worker.terminate();
      },
    };
  } catch (error) {
    worker.terminate();
    throw error;
  }
}

/** Whether this browser keeps anything of this origin, as it does from the first time that a client was opened. */
export async function hasStore(): Promise<boolean> {
  return (await indexedDB.databases()).length > 0;
}

/** Asks the browser not to clear the store when its disk runs full. */
export function keepStore(): void {
  // Whether it agrees is its own affair, and some ask the person.
  void navigator.storage.persist?.();
}

/**
 * Removes keys and messages from this browser, for ever, and what it has noted of the account beside them: asks all tabs to
 * leave the store, and waits for them. The client of this one is to be closed before. Rejects with `store.locked` when a
 * tab does not leave.
 */
export async function removeStore(): Promise<void> {
  const { deleteIndexedDbStore } = await import('@sotto/client/indexeddb');
  tabs.postMessage(LEAVE);
  await deleteIndexedDbStore(STORE, { waitUntil: AbortSignal.timeout(LEAVE_MS) });
  const notes = Object.keys(localStorage).filter((key) => NOTE_OF_ACCOUNT.test(key));
  for (const note of notes) localStorage.removeItem(note);
}

/** Calls `listener` when another tab removes the store, for as long as the page lives. */
export function onRemoval(listener: () => void): void {
  tabs.addEventListener('message', ({ data }) => {
    if (data === LEAVE) listener();
  });
}
