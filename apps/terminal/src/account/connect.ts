/** Coming to the platform for a command. */
import type { Client } from '@sotto/client';
import { CommandError, EXIT } from '../exit-code.ts';

/**
 * Connects, and does not wait for ever: a `CommandError` says that the platform is out of reach. Rejects as `connect` does;
 * a session that was ended on purpose is not opened anew by the device key.
 */
export async function connectWithin(
  client: Client,
  { timeoutMs, signal }: { readonly timeoutMs: number; readonly signal: AbortSignal },
): Promise<void> {
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  const late = Promise.withResolvers<never>();
  const onLate = () =>
    late.reject(
      signal.aborted
        ? signal.reason
        : new CommandError('the platform cannot be reached: try again later', EXIT.unavailable),
    );
  deadline.addEventListener('abort', onLate);
  try {
    deadline.throwIfAborted();
    await Promise.race([client.connect(), late.promise]);
  } finally {
    deadline.removeEventListener('abort', onLate);
  }
}
