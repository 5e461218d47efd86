/** The right to be the one who writes, among the tabs and workers of an origin, by the browser's Web Locks. */
import { ClientError } from '../errors.ts';

export interface WebLock {
  /** Aborts with `store.locked` when the lock is somebody else's, though nobody has released it. */
  readonly lost: AbortSignal;
  /** For whoever finds that out before the browser says so. */
  lose(cause?: unknown): void;
  release(): void;
}

/**
 * Takes the lock of a name. It goes to the next who waits when it is released, and when the tab or worker that has it
 * ends in whatever way. Rejects with `store.locked` when somebody has it and, with a signal, has it until that aborts.
 */
export function takeWebLock(name: string, waitUntil?: AbortSignal): Promise<WebLock> {
  const losing = new AbortController();
  const lose = (cause?: unknown) =>
    losing.abort(new ClientError('store.locked', 'the store was taken away', { cause }));
  return new Promise((resolve, reject) => {
    const refuse = (cause?: unknown) =>
      reject(new ClientError('store.locked', 'the store is in use by another client', { cause }));
    const hold = (lock: Lock | null) => {
      if (lock === null) return refuse();
      return new Promise<void>((release) => resolve({ lost: losing.signal, lose, release }));
    };
    const isToWait = waitUntil !== undefined && !waitUntil.aborted;
    const options = isToWait ? { signal: waitUntil } : { ifAvailable: true };
    navigator.locks.request(name, options, hold).catch((cause: unknown) => {
      // Before the lock was there it was the signal; after it, somebody has stolen the lock.
      refuse(cause);
      lose(cause);
    });
  });
}
