/**
 * Where a client keeps what it must not lose: keys, sessions, messages, the outbox, cursors.
 *
 * The one-transaction rule, which every part of the SDK keeps:
 * - sending is *encrypt → store → send*: the advanced session and the ciphertext are committed together before the
 *   first byte leaves, so a crash repeats the same ciphertext and never another one under the same key;
 * - receiving is *decrypt → store → show → acknowledge*: the advanced session, the message and the cursor are
 *   committed together, then the message is shown, then the server is told. A crash before the commit changes
 *   nothing and the server sends again; a crash after it finds the message in the store.
 *
 * Adapters: `store-memory.ts`, `store-sqlite.ts`; `store.contract.ts` holds all of them to this contract.
 */
import { ClientError } from './errors.ts';
import { STORE_KEY_LENGTH_MAX } from './limits.ts';

export interface StoreEntry {
  readonly key: string;
  readonly value: Uint8Array;
}

export interface StoreRange {
  /** Keys that start with this, in ascending order. */
  readonly prefix: string;
  /** Only keys greater than this one. */
  readonly after?: string;
  readonly limit: number;
}

/** Reads see the writes of the same transaction. Throws `store.closed` when used after the transaction's end. */
export interface StoreTransaction {
  get(key: string): Promise<Uint8Array | undefined>;
  put(key: string, value: Uint8Array): Promise<void>;
  /** No error when there is no such key. */
  delete(key: string): Promise<void>;
  list(range: StoreRange): Promise<StoreEntry[]>;
}

/** Work on a store within one transaction. */
export type StoreWork<T> = (transaction: StoreTransaction) => Promise<T>;

export interface Store {
  /**
   * Runs `work` alone, one transaction after the other, and resolves with its result once everything it wrote is
   * on disk. When `work` rejects, nothing was written and the same error comes out.
   *
   * `work` must await nothing but the transaction it was given (IndexedDB commits while anything else is awaited),
   * and must never start another transaction: it would wait for itself.
   */
  transaction<T>(work: StoreWork<T>): Promise<T>;
  /** Lets running transactions end, then gives the store free. Transactions after it reject with `store.closed`. */
  close(): Promise<void>;
}

/** Throws `store.invalid` unless the key is printable ASCII: only then do all engines sort keys alike. */
export function checkStoreKey(key: string): void {
  if (key.length === 0 || key.length > STORE_KEY_LENGTH_MAX || !/^[\x21-\x7d]+$/.test(key)) {
    throw new ClientError('store.invalid', 'a store key must be 1 to 256 printable characters');
  }
}
