/** Coming to the platform from a store that has an account. */
import { type Client, ClientError } from '@sotto/client';
import { CommandError, EXIT } from '../exit-code.ts';

/** Connects; a session that has run out is opened anew by the device key. Rejects as `connect` and `login` do. */
export async function connect(client: Client): Promise<void> {
  try {
    await client.connect();
  } catch (error) {
    if (!(error instanceof ClientError) || error.code !== 'account.logged-out') throw error;
    await client.login();
    await client.connect();
  }
}

/** The same for commands, which do not wait for ever: a `CommandError` says that the platform is out of reach. */
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
    await Promise.race([connect(client), late.promise]);
  } finally {
    deadline.removeEventListener('abort', onLate);
  }
}
