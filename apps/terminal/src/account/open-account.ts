/** An account's store, opened, with a client on it. */
import { existsSync } from 'node:fs';
import { type Client, ClientError, createClient } from '@sotto/client';
import { nodeFetch } from '@sotto/client/node';
import { openSharedClient } from '@sotto/client/shared';
import { openSealedSqliteStore, waitForSqliteStore } from '@sotto/client/sqlite';
import { nodeProvider } from '@sotto/crypto/node';
import { CommandError, EXIT } from '../exit-code.ts';
import { OPEN_WAIT_MS, SHARED_PATH_BYTES_MAX } from '../limits.ts';
import { type AccountFolder, storePathOf } from './data-directory.ts';
import { holderWords, noteHolder } from './holder.ts';

/** How a store is opened. */
export interface OpenOptions {
  /** What is to be said of this process to others that want the store. */
  readonly program: string;
  /** Encrypts a new store, and opens one that is encrypted. */
  readonly passphrase?: string | undefined;
  /** Asks for the passphrase of an encrypted store when none was given. */
  readonly askPassphrase?: (() => Promise<string>) | undefined;
}

/** An account that is open. Whoever opened it closes it. */
export interface OpenAccount {
  readonly folder: AccountFolder;
  readonly client: Client;
  close(): Promise<void>;
}

/**
 * Opens an account. A chat and commands share it, however many they are: one of them has the store, and the others follow it.
 * Where a path is too long for that only one at a time may have it, and a `CommandError` says who. Rejects with that, and as
 * opening a store does.
 */
export async function openAccount(
  folder: AccountFolder,
  options: OpenOptions,
): Promise<OpenAccount> {
  const { passphrase, askPassphrase } = options;
  const isNew = !existsSync(storePathOf(folder));
  try {
    return await openWith(folder, options.program, passphrase);
  } catch (error) {
    const isSealed = error instanceof ClientError && error.code === 'store.sealed';
    if (!isSealed || isNew || askPassphrase === undefined) throw error;
    return openWith(folder, options.program, await askPassphrase());
  }
}

async function openWith(
  folder: AccountFolder,
  program: string,
  passphrase: string | undefined,
): Promise<OpenAccount> {
  const path = storePathOf(folder);
  if (Buffer.byteLength(path) > SHARED_PATH_BYTES_MAX) {
    return openAlone(folder, program, passphrase);
  }
  const secret = passphrase === undefined ? {} : { secret: { passphrase } };
  const client = await openSharedClient({ url: folder.url, path, ...secret });
  return { folder, client, close: () => client.close() };
}

async function openAlone(
  folder: AccountFolder,
  program: string,
  passphrase: string | undefined,
): Promise<OpenAccount> {
  const path = storePathOf(folder);
  const waitUntil = AbortSignal.timeout(OPEN_WAIT_MS);
  try {
    const store =
      passphrase === undefined
        ? await waitForSqliteStore(path, { waitUntil })
        : await openSealedSqliteStore(path, { passphrase }, { waitUntil });
    const client = createClient({
      ...{ url: folder.url, store },
      ...{ provider: nodeProvider, fetch: nodeFetch },
    });
    const release = noteHolder(folder.path, program);
    const close = () => {
      release();
      return client.close();
    };
    return { folder, client, close };
  } catch (error) {
    if (!(error instanceof ClientError) || error.code !== 'store.locked') throw error;
    throw new CommandError(holderWords(folder.path), EXIT.unavailable, { cause: error });
  }
}
