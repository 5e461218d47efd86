/** What a service worker finds around itself, as far as ours uses it: TypeScript's library for pages does not know it. */

interface LastingEvent extends Event {
  /** Keeps the worker alive until it is done. */
  waitUntil(work: Promise<unknown>): void;
}

/** Something that a page says. */
interface SaidEvent extends LastingEvent {
  readonly data: unknown;
}

interface FetchEvent extends LastingEvent {
  readonly request: Request;
  respondWith(response: Promise<Response>): void;
}

interface NotificationEvent extends LastingEvent {
  readonly notification: Notification;
}

interface WindowClient {
  readonly url: string;
  readonly focused: boolean;
  readonly visibilityState: DocumentVisibilityState;
  focus(): Promise<WindowClient>;
}

interface Events {
  install: LastingEvent;
  activate: LastingEvent;
  fetch: FetchEvent;
  message: SaidEvent;
  push: LastingEvent;
  notificationclick: NotificationEvent;
}

/** The part of `ServiceWorkerGlobalScope` that is used. */
export interface ServiceWorkerScope {
  /** Put in front of the script by the build: every file of the page, and a digest over all of them. */
  readonly SHELL: { readonly version: string; readonly files: readonly string[] };
  readonly registration: Pick<ServiceWorkerRegistration, 'installing' | 'waiting'> & {
    showNotification(
      title: string,
      options: NotificationOptions & { renotify: true },
    ): Promise<void>;
  };
  readonly clients: {
    claim(): Promise<void>;
    matchAll(options: { type: 'window' }): Promise<readonly WindowClient[]>;
    openWindow(path: string): Promise<WindowClient | null>;
  };
  skipWaiting(): Promise<void>;
  addEventListener<E extends keyof Events>(name: E, listener: (event: Events[E]) => void): void;
}

/** The scope that this script runs in. */
export const scope: ServiceWorkerScope = globalThis as typeof globalThis & ServiceWorkerScope;
