/**
 * One account and one SQLite store for several processes of Node. Sub-path `@sotto/client/shared`.
 *
 * One of them runs the client, and the others follow it through a socket beside the file, which only their user may
 * open. When it ends, however that happens, another one goes on.
 */
import { nodeProvider } from '@sotto/crypto/node';
import { createClient } from '../client.ts';
import type { Client } from '../client-interface.ts';
import type { ClientOptions } from '../client-options.ts';
import type { StoreSecret } from '../store/store-sealed.ts';
import { openSealedSqliteStore, openSqliteStore } from '../store/store-sqlite.ts';
import { openElected } from './election.ts';
import { meetProcesses } from './node-meeting.ts';

/** Which client is shared. All who share it say the same. */
export interface SharedClientOptions extends Omit<ClientOptions, 'store'> {
  /** Of the SQLite file, at most 98 bytes. */
  readonly path: string;
  /** Opens an encrypted store, or makes one; left out for one in the clear. */
  readonly secret?: StoreSecret;
}

/**
 * The client of a store that other processes may share, wherever it runs. Closing it closes no other. What is asked for
 * when the process that runs the client ends is asked of the next one: nothing is said twice; what must not be done twice
 * and has no id, such as `groups.create`, rejects with `connection.failed`.
 *
 * Rejects as opening a SQLite store does, with `store.locked` when more than 32 share it or another release has it, and
 * with a `RangeError` for a path that is too long.
 */
export async function openSharedClient({
  path,
  secret,
  provider = nodeProvider,
  ...options
}: SharedClientOptions): Promise<Client> {
  const openStore = async () =>
    secret === undefined ? openSqliteStore(path) : openSealedSqliteStore(path, secret);
  return openElected({
    meeting: meetProcesses(path, openStore),
    create: (store) => createClient({ ...options, provider, store }),
    knowledge: { secret, provider },
  });
}
