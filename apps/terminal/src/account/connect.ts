/** Coming to the server. */
import type { Client } from '@sotto/client';
import { CommandError, EXIT } from '../exit-code.ts';

/**
 * Connects, and does not wait for ever: a `CommandError` says that it is out of reach. Rejects as `connect` does;
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
        : new CommandError('the server cannot be reached: try again later', EXIT.unavailable),
    );
  deadline.addEventListener('abort', onLate);
  try {
    deadline.throwIfAborted();
    await Promise.race([client.connect(), late.promise]);
  } finally {
    deadline.removeEventListener('abort', onLate);
  }
}

/** Throws a `CommandError` where no server is, before a person is asked for a name and a password. */
export async function assertServer(url: string, timeoutMs: number): Promise<void> {
  try {
    const asked = new URL('/.well-known/jwks.json', url);
    const { ok, headers } = await fetch(asked, { signal: AbortSignal.timeout(timeoutMs) });
    // One that has troubles says so in its own way, and is there.
    if (ok || headers.get('content-type')?.startsWith('application/problem+json')) return;
  } catch (cause) {
    throw noServer(url, cause);
  }
  throw noServer(url);
}

function noServer(url: string, cause?: unknown): CommandError {
  const words = `there is no Sotto server at ${url}: npm start begins one on this machine, --url names another`;
  return new CommandError(words, EXIT.unavailable, { cause });
}
