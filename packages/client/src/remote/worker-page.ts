/** The page's side of a client in a worker. */
import type { Client } from '../client-interface.ts';
import type { ClientOptions } from '../client-options.ts';
import { ConnectionError } from '../errors.ts';
import type { StoreSecret } from '../store/store-sealed.ts';
import { followHolder } from './follower.ts';
import { portLine } from './line.ts';
import { holderBy, openFollowing } from './serve.ts';
import { LostAnswer } from './wire.ts';
import type { Greeting, Opening } from './worker-opening.ts';

/** Which client a page wants. */
export interface WorkerClientOptions extends Pick<ClientOptions, 'url' | 'witnesses' | 'proofs'> {
  /** The name of the IndexedDB store. */
  readonly name: string;
  /** Opens an encrypted store, or makes one; left out for one in the clear. */
  readonly secret?: StoreSecret;
}

/**
 * A client that runs in a worker whose script calls `serveInWorker`. It ends with the worker, which is the application's.
 * Rejects as opening an IndexedDB store does, with a `TypeError` for a `url` that is none, and with `connection.failed`
 * when the script cannot be had or fails.
 */
export async function openWorkerClient(
  worker: Worker,
  { secret, witnesses, proofs, ...where }: WorkerClientOptions,
): Promise<Client> {
  const gone = new AbortController();
  const opened = new AbortController();
  // Later ones are of a worker that goes on all the same.
  worker.addEventListener('error', () => gone.abort(), { signal: opened.signal });
  const { port1, port2 } = new MessageChannel();
  const wire = openFollowing(portLine(port1, gone.signal));
  worker.postMessage({ type: 'sotto-client', port: port2 } satisfies Greeting, [port2]);
  const opening: Opening = {
    ...where,
    ...(secret && { secret }),
    ...(witnesses && { witnesses: [...witnesses] }),
    ...(proofs !== undefined && { proofs }),
  };
  try {
    await wire.ask('open', [opening]);
  } catch (error) {
    wire.close();
    if (!(error instanceof LostAnswer)) throw error;
    throw new ConnectionError('the worker has failed, or could not be loaded', { cause: error });
  } finally {
    opened.abort();
  }
  return followHolder(holderBy(wire));
}
