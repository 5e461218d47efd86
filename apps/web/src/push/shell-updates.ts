/** The service worker as the page sees it: registered once, and asked to take over when the person wants the new version. */
import type { Observable } from '@sotto/client';
import { trustedScript } from '../worker/trusted-script.ts';

/** How often a page that stays open asks whether there is a new version. */
const LOOK_AGAIN_MS = 60 * 60 * 1000;

/** Whether a new version of the page waits, and how to take it. */
export interface ShellUpdates extends Observable<boolean> {
  /** Has the new version take over, and with that reloads this page and all others of it. */
  readonly apply: () => void;
}

/** What the browser has for service workers, as far as it is used here. */
export interface Container {
  readonly controller: Pick<ServiceWorker, 'postMessage'> | null;
  addEventListener(name: 'controllerchange', listener: () => void): void;
  register(script: string, options: RegistrationOptions): Promise<ServiceWorkerRegistration>;
}

/** When the service worker is registered, and what loads the page again. */
export interface ShellOptions {
  readonly time: Promise<void>;
  readonly reload: () => void;
}

/** Registers the service worker once it is time. Without one the page works as well, as long as there is a connection. */
export function watchShell(container: Container, { time, reload }: ShellOptions): ShellUpdates {
  // The first worker of all brings nothing new. Each other one does, whichever page has asked for it: what this one has
  // not loaded yet is of an older version.
  let isServed = container.controller !== null;
  container.addEventListener('controllerchange', () => {
    if (isServed) reload();
    isServed = true;
  });
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
    // A page of this version is whole: no other one is needed any more, unless it is the next.
    container.controller?.postMessage('settled');
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
    apply: () => waiting?.postMessage('take-over'),
  };
}
