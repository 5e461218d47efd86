/** Waiting until what was missed has come. */
import type { Client } from '@sotto/client';
import { QUIET_MS } from '../limits.ts';

const ARRIVALS = ['message', 'unreadable', 'lines-changed', 'conversation'] as const;

/** Resolves when nothing has come for a moment. The platform sends all that was missed right after it greets a device. */
export function untilQuiet({ on }: Pick<Client, 'on'>, signal: AbortSignal): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, QUIET_MS);
  const ends = ARRIVALS.map((name) => on(name, () => void timer.refresh()));
  const abort = () => reject(signal.reason);
  signal.addEventListener('abort', abort);
  return promise.finally(() => {
    clearTimeout(timer);
    signal.removeEventListener('abort', abort);
    for (const end of ends) end();
  });
}
