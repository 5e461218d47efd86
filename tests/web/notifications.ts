/** What the service worker of a page has shown by the system. */
import type { BrowserContext, Worker } from 'playwright-core';
import { expect } from 'vitest';
import { TIMEOUT_MS } from './browser.ts';

/** What a service worker finds around itself, as far as tests use it. */
export interface WorkerScope {
  readonly registration: ServiceWorkerRegistration;
  readonly ServiceWorkerRegistration: { readonly prototype: ServiceWorkerRegistration };
}

type NotingScope = typeof globalThis & WorkerScope & { shown?: number };

/** Gives the worker of a page, which counts from now on what it has shown. Rejects when there is none. */
export async function workerThatCounts(context: BrowserContext): Promise<Worker> {
  const [worker] = context.serviceWorkers();
  if (worker === undefined) throw new Error('there is no service worker');
  await worker.evaluate(countShown);
  return worker;
}

/**
 * Resolves when that many have been shown. Only then may somebody ask for them: Chromium forgets a notification that is
 * not on display yet when it is asked for all.
 */
export async function expectShown(worker: Worker, count: number): Promise<void> {
  await expect.poll(() => worker.evaluate(shownSoFar), { timeout: TIMEOUT_MS }).toBe(count);
}

/** What is on display. */
export function notifications(worker: Worker) {
  return worker.evaluate(async () => {
    const { registration } = globalThis as NotingScope;
    const shown = await registration.getNotifications();
    return shown.map(({ title, body, tag, data }) => ({ title, body, tag, data }));
  });
}

/** Runs in the worker. */
function countShown(): void {
  const scope = globalThis as NotingScope;
  const { prototype } = scope.ServiceWorkerRegistration;
  const { showNotification } = prototype;
  scope.shown = 0;
  prototype.showNotification = async function (this: ServiceWorkerRegistration, ...asked) {
    await showNotification.apply(this, asked);
    scope.shown = (scope.shown ?? 0) + 1;
  };
}

/** Runs there, too. */
function shownSoFar(): number | undefined {
  return (globalThis as NotingScope).shown;
}
