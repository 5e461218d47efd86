/** An account's store, opened, with a client on it. */
import { existsSync } from 'node:fs';
import { type Client, ClientError, createClient, type Store } from '@sotto/client';
import { openSealedSqliteStore, waitForSqliteStore } from '@sotto/client/sqlite';
import { nodeProvider } from '@sotto/crypto/node';
import { CommandError, EXIT } from '../exit-code.ts';
import { OPEN_WAIT_MS } from '../limits.ts';
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
  readonly waitMs?: number;
}

/** An account that is open. Whoever opened it closes it. */
export interface OpenAccount {
  readonly folder: AccountFolder;
  readonly client: Client;
  close(): Promise<void>;
}

/**
 * Opens the store of an account, waiting a moment for a command that has it. Throws a `CommandError` that says who holds it,
 * and what opening a store throws.
 */
export async function openAccount(
  folder: AccountFolder,
  options: OpenOptions,
): Promise<OpenAccount> {
  const store = await openStore(folder, options);
  const release = noteHolder(folder.path, options.program);
  try {
    const client = createClient({ url: folder.url, store, provider: nodeProvider });
    const close = async () => {
      release();
      await client.close();
    };
    return { folder, client, close };
  } catch (error) {
    release();
    await store.close();
    throw error;
  }
}

async function openStore(folder: AccountFolder, options: OpenOptions): Promise<Store> {
  const path = storePathOf(folder);
  const waitUntil = AbortSignal.timeout(options.waitMs ?? OPEN_WAIT_MS);
  const openSealed = (passphrase: string) =>
    openSealedSqliteStore(path, { passphrase }, { waitUntil });
  try {
    const { passphrase, askPassphrase } = options;
    if (passphrase !== undefined) return await openSealed(passphrase);
    if (askPassphrase === undefined || !existsSync(path)) {
      return await waitForSqliteStore(path, { waitUntil });
    }
    return await waitForSqliteStore(path, { waitUntil }).catch(async (error: unknown) => {
      if (!isClientError(error, 'store.sealed')) throw error;
      return openSealed(await askPassphrase());
    });
  } catch (error) {
    if (!isClientError(error, 'store.locked')) throw error;
    throw new CommandError(holderWords(folder.path), EXIT.unavailable, { cause: error });
  }
}

function isClientError(error: unknown, code: ClientError['code']): boolean {
  return error instanceof ClientError && error.code === code;
}
