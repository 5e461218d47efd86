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
 * Adapters: `store-memory.ts`, `store-sqlite.ts`, `store-indexeddb.ts`, and around any of them `store-sealed.ts`;
 * `store.contract.ts` holds all of them to this contract.
 */
import { ClientError } from '../errors.ts';
import { STORE_KEY_LENGTH_MAX, STORE_KEY_PARTS_MAX } from '../limits.ts';

export interface StoreEntry {
  readonly key: string;
  readonly value: Uint8Array;
}

/**
 * Numbers of 16 digits ascend within what stands before them, such as `outbox/CONVERSATION/`. Other parts come in an
 * order of the store's own, the same each time: an encrypted store does not give away theirs.
 */
export interface StoreRange {
  /** What the keys start with: whole parts with their slash, or nothing for all keys. */
  readonly prefix: string;
  /** Only keys behind this one, which need not be there; the prefix itself stands before all of them. */
  readonly after?: string;
  readonly limit: number;
}

/** Reads see the writes of the same transaction. Throws `store.closed` when used after the transaction's end. */
export interface StoreTransaction {
  /** The bytes may be given to others too: they are not to be changed. */
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
   * `work` must await nothing but the transaction it was given, because everything else waits for it, and must never
   * start another transaction: it would wait for itself.
   */
  transaction<T>(work: StoreWork<T>): Promise<T>;
  /** Lets running transactions end, then gives the store free. Transactions after it reject with `store.closed`. */
  close(): Promise<void>;
}

/** How a store is opened that others may hold. */
export interface OpenStoreOptions {
  /** Waits for whoever holds the store to close it or to die, until this signal; at once refused when left out. */
  readonly waitUntil?: AbortSignal;
}

const SOUND_KEY = new RegExp(
  `^[\\x21-\\x2e\\x30-\\x7d]+(/[\\x21-\\x2e\\x30-\\x7d]+){0,${STORE_KEY_PARTS_MAX - 1}}$`,
);

/**
 * Throws `store.invalid` unless the key is printable ASCII, in parts with a slash between: only then do all engines sort
 * keys alike, and can each part be encrypted by itself.
 */
export function checkStoreKey(key: string): void {
  if (key.length > STORE_KEY_LENGTH_MAX || !SOUND_KEY.test(key)) {
    throw new ClientError(
      'store.invalid',
      'a store key must be 1 to 256 printable characters, in at most 8 parts with a slash between',
    );
  }
}

/** Throws `store.invalid` unless the range speaks of whole parts of keys. */
export function checkStoreRange({ prefix, after = prefix }: StoreRange): void {
  if (prefix !== '') checkStoreKey(prefix.replace(/\/$/, ''));
  if (after !== prefix) checkStoreKey(after);
  if ((prefix !== '' && !prefix.endsWith('/')) || !after.startsWith(prefix)) {
    throw new ClientError('store.invalid', 'a range ends with a slash, and goes on within itself');
  }
}
