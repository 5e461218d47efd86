/** Bodies that flow from one message into another, and leave no memory behind. */
import type { Readable, Writable } from 'node:stream';
import { freeSpent } from '@sotto/runtime';

/**
 * Passes on what comes, no faster than it is taken, as a pipe would; the end is its caller's to pass on. Each chunk's
 * memory is freed as soon as it has been written: left to the collector, tens of MiB of a large file would wait for it.
 * Returns what stops it, and leaves the source paused.
 */
export function flow(from: Readable, to: Writable): () => void {
  const forward = (chunk: Uint8Array): void => {
    if (!to.write(chunk, () => freeSpent(chunk))) from.pause();
  };
  const goOn = (): void => void from.resume();
  from.on('data', forward);
  to.on('drain', goOn);
  const stop = (): void => {
    from.off('data', forward);
    to.off('drain', goOn);
    from.pause();
  };
  to.once('close', stop);
  return stop;
}
