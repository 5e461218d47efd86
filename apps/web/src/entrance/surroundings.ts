/** Whether a browser gives the page what keys and messages need. */

/** What is missing: a connection that can be trusted, or something of the browser. */
export type Lack = 'security' | 'browser';

/** The part of a window that is asked about. */
export interface Surroundings {
  readonly isSecureContext: boolean;
  readonly crypto?: { readonly subtle?: unknown };
  readonly navigator: { readonly locks?: unknown };
  readonly indexedDB?: unknown;
  readonly Worker?: unknown;
}

/** What is missing, or undefined. */
export function lackOf(window: Surroundings): Lack | undefined {
  // Over plain HTTP most of what follows is missing too, but for another reason.
  if (!window.isSecureContext) return 'security';
  const needed = [window.crypto?.subtle, window.navigator.locks, window.indexedDB, window.Worker];
  return needed.every(Boolean) ? undefined : 'browser';
}

/** The same address by HTTPS, on the port that HTTPS has where none was named. */
export function secureAddress(address: string): string {
  const { host, pathname } = new URL(address);
  return `https://${host}${pathname}`;
}
