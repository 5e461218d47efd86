/** The service worker as the page sees it: registered once, and asked to take over when the person wants the new version. */
import type { Observable } from '@sotto/client';
import { trustedScript } from '../worker/trusted-script.ts';

/** How often a page that stays open asks whether there is a new version. */
const LOOK_AGAIN_MS = 60 * 60 * 1000;

/** Whether a new version of the page waits, and how to take it. */
export interface ShellUpdates extends Observable<boolean> {
  /** Reloads this page and all others of it with the new version. */
  readonly apply: () => void;
}

/** Registers the service worker once it is time. Without one the page works as well, as long as there is a connection. */
export function watchShell(container: ServiceWorkerContainer, time: Promise<void>): ShellUpdates {
  const listeners = new Set<() => void>();
  let waiting: ServiceWorker | undefined;
  const setWaiting = (worker: ServiceWorker | null): void => {
    // The first one of all has nothing to replace.
    if (worker === null || container.controller === null) return;
    waiting = worker;
    for (const listener of listeners) listener();
  };
  const follow = (registration: ServiceWorkerRegistration): void => {
    setWaiting(registration.waiting);
    registration.addEventListener('updatefound', () => {
      const { installing } = registration;
      installing?.addEventListener('statechange', () => setWaiting(registration.waiting));
    });
    // A look that fails is done again; there may be no connection.
    setInterval(() => void registration.update().catch(() => undefined), LOOK_AGAIN_MS);
  };
  time
    .then(() => container.register(trustedScript('/service-worker.js'), { updateViaCache: 'none' }))
    .then(follow, () => undefined);
  return {
    get: () => waiting !== undefined,
    subscribe(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    apply() {
      container.addEventListener('controllerchange', () => location.reload(), { once: true });
      waiting?.postMessage('take-over');
    },
  };
}
