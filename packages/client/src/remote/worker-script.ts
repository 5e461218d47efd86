/** The worker's side of a client for its page. */
import { nobleProvider } from '@sotto/crypto';
import { createClient } from '../client.ts';
import type { Client } from '../client-interface.ts';
import { ClientError } from '../errors.ts';
import type { OpenStoreOptions, Store } from '../store/store.ts';
import { openIndexedDbStore, openSealedIndexedDbStore } from '../store/store-indexeddb.ts';
import { answersOf } from './answers.ts';
import { openElected } from './election.ts';
import { portLine } from './line.ts';
import { createSharing } from './sharing.ts';
import { meetTabs } from './tab-meeting.ts';
import { type Ask, openWire } from './wire.ts';
import { Greeting, Opening } from './worker-opening.ts';

/** How a worker serves. */
export interface WorkerServing {
  /**
   * Names the script: tabs with another one are refused with `store.locked`, and do not follow a client that may lack what
   * they ask for. Left out, all tabs with this release of the SDK share the store.
   */
  readonly build?: string;
}

/** Opens a client for each `openWorkerClient` of the page, from now on. To be called at once by the worker's script. */
export function serveInWorker({ build }: WorkerServing = {}): void {
  globalThis.addEventListener('message', ({ data }: MessageEvent<unknown>) => {
    const { data: greeting } = Greeting.safeParse(data);
    if (greeting !== undefined) serve(greeting.port, build);
  });
}

function serve(port: MessagePort, build: string | undefined): void {
  let opened: { readonly client: Client; readonly answer: Ask } | undefined;
  const line = portLine(port);
  const close = async () => opened?.client.close();
  openWire(line, async (name, args, signal) => {
    if (name === 'close') return close();
    if (name !== 'open') return need(opened).answer(name, args, signal);
    const client = await open(Opening.parse(args[0]), build);
    opened = { client, answer: answersOf(client, createSharing(client), line.closed) };
    return undefined;
  });
  line.closed.addEventListener('abort', () => void close());
}

function open(
  { url, name, secret, witnesses, proofs }: Opening,
  build: string | undefined,
): Promise<Client> {
  const options = { ...(witnesses && { witnesses }), ...(proofs !== undefined && { proofs }) };
  const openStore = (waiting: OpenStoreOptions): Promise<Store> =>
    secret === undefined
      ? openIndexedDbStore(name, waiting)
      : openSealedIndexedDbStore(name, secret, waiting);
  return openElected({
    meeting: meetTabs(name, openStore),
    create: (store) => createClient({ url, store, ...options }),
    knowledge: { build, secret, provider: nobleProvider },
  });
}

function need<T>(opened: T | undefined): T {
  if (opened !== undefined) return opened;
  throw new ClientError('client.closed', 'no client was opened');
}
