/**
 * Encryption at rest, around any store (ADR 13).
 *
 * Every value is AES-256-GCM under the store's data key, bound to its record's name; every part of a key is replaced by
 * a keyed name, so that whole parts can still be listed. What stays readable to who has the disk: how many records there
 * are, how long, how they are grouped, when each was written as far as the engine keeps that, and numbers of 16 digits
 * (places and counters), which have to sort. Not readable: contacts, conversations, kinds of records, contents.
 * A copy of the whole store that is put back later is no other than a restored one (`stale-store.ts`).
 */
import { bytesOf } from '@sotto/api';
import {
  makeStoreKey,
  openStoreRecord,
  PASSPHRASE_COST_MAX,
  type Provider,
  type StoreKeys,
  type StoreLock,
  sealStoreRecord,
  storeKeysOf,
  stretchPassphrase,
  unwrapStoreKey,
  WRAPPED_STORE_KEY_BYTES,
  wrapStoreKey,
} from '@sotto/crypto';
import * as z from 'zod/mini';
import { ClientError } from '../errors.ts';
import { PASSPHRASE_COST } from '../limits.ts';
import {
  checkStoreKey,
  checkStoreRange,
  type Store,
  type StoreEntry,
  type StoreRange,
  type StoreTransaction,
} from './store.ts';
import { createStoreNames, type NameOf } from './store-names.ts';
import { decodeRecord, putRecord } from './stored-record.ts';

/** What opens an encrypted store: what a person types, or 32 bytes that nobody can guess. */
export type StoreSecret = { readonly passphrase: string } | { readonly key: Uint8Array };

export interface SealedStore extends Store {
  /**
   * From now on another secret opens the store. Whoever has both an older copy of the file and the older secret can
   * still read what is written: after a theft make a new store instead. Rejects with a `TypeError` as opening does.
   */
  changeSecret(secret: StoreSecret): Promise<void>;
}

/** Where a store says how it is sealed: the one record whose key and value are in the clear. It sorts before all names. */
export const SEAL_KEY = '!seal';

const KEY_BYTES = 32;
const SALT_BYTES = 16;
const VERSION = 1;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

const Lock = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('passphrase'),
    salt: bytesOf(SALT_BYTES),
    memoryKiB: z.int().check(z.minimum(8), z.maximum(PASSPHRASE_COST_MAX.memoryKiB)),
    passes: z.int().check(z.minimum(1), z.maximum(PASSPHRASE_COST_MAX.passes)),
    lanes: z.int().check(z.minimum(1), z.maximum(PASSPHRASE_COST_MAX.lanes)),
  }),
  z.object({ type: z.literal('key') }),
]);
type Lock = z.infer<typeof Lock>;

/** As much as every release can read. */
const AnySeal = z.object({ version: z.int() });

const Seal = z.object({
  version: z.literal(VERSION),
  lock: Lock,
  storeKey: bytesOf(WRAPPED_STORE_KEY_BYTES),
});
type Seal = z.infer<typeof Seal>;

export interface SealOptions {
  readonly secret: StoreSecret;
  readonly provider: Provider;
}

/**
 * Encrypts what goes into `store`, which must be empty or have been encrypted before, and belongs to the result from now
 * on. Rejects with `store.key-wrong`, with `store.plain` when there are records in the clear, with `store.newer` and
 * `store.invalid`, and with a `TypeError` for an empty passphrase and a key that is not 32 bytes; the store is closed
 * then, and as it was.
 */
export async function sealStore(
  store: Store,
  { secret, provider }: SealOptions,
): Promise<SealedStore> {
  try {
    const storeKey = await unlock(store, { secret, provider });
    const changeSecret = (next: StoreSecret) =>
      writeSeal(store, { secret: next, provider }, storeKey);
    return { ...sealedBy(store, provider, storeKeysOf(provider, storeKey)), changeSecret };
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** The data key of a store; a new one for a new store. */
async function unlock(store: Store, { secret, provider }: SealOptions): Promise<Uint8Array> {
  const seal = await readSeal(store);
  if (seal === undefined) {
    const made = makeStoreKey(provider);
    await writeSeal(store, { secret, provider }, made);
    return made;
  }
  const lock = await lockOf(seal.lock, secret);
  const storeKey = lock && unwrapStoreKey(provider, lock, seal.storeKey);
  if (storeKey === undefined) {
    throw new ClientError('store.key-wrong', 'the passphrase or key is not that of the store');
  }
  return storeKey;
}

async function readSeal(store: Store): Promise<Seal | undefined> {
  const [first] = await store.transaction((transaction) =>
    transaction.list({ prefix: '', limit: 1 }),
  );
  if (first === undefined) return undefined;
  if (first.key !== SEAL_KEY) {
    throw new ClientError('store.plain', 'the store was made without encryption');
  }
  const { version } = decodeRecord(AnySeal, first.value);
  if (version > VERSION) {
    throw new ClientError('store.newer', 'the store was encrypted by a newer release');
  }
  return decodeRecord(Seal, first.value);
}

async function writeSeal(
  store: Store,
  { secret, provider }: SealOptions,
  storeKey: Uint8Array,
): Promise<void> {
  const description: Lock =
    'key' in secret
      ? { type: 'key' }
      : { type: 'passphrase', salt: provider.randomBytes(SALT_BYTES), ...PASSPHRASE_COST };
  const lock = await lockOf(description, secret);
  if (lock === undefined) throw new TypeError('a secret is a passphrase or a key');
  const wrapped = wrapStoreKey(provider, lock, storeKey);
  const seal = { version: VERSION, lock: description, storeKey: wrapped } as const;
  await store.transaction((transaction) => putRecord(transaction, SEAL_KEY, [Seal, seal]));
}

/** What a secret opens; undefined when the store is not opened by that kind of secret. */
async function lockOf(lock: Lock, secret: StoreSecret): Promise<StoreLock | undefined> {
  const description = encoder.encode(JSON.stringify(z.encode(Lock, lock)));
  if ('key' in secret) {
    if (!(secret.key instanceof Uint8Array) || secret.key.length !== KEY_BYTES) {
      throw new TypeError('the key of a store is 32 bytes');
    }
    return lock.type === 'key' ? { wrappingKey: secret.key.slice(), description } : undefined;
  }
  if (secret.passphrase === '') throw new TypeError('the passphrase of a store is not empty');
  if (lock.type !== 'passphrase') return undefined;
  return { wrappingKey: await stretchPassphrase(secret.passphrase, lock.salt, lock), description };
}

function sealedBy(store: Store, provider: Provider, keys: StoreKeys): Store {
  const nameOf = createStoreNames(provider, keys);
  return {
    transaction: (work) =>
      store.transaction((inner) => work(sealedTransaction(inner, { provider, keys, nameOf }))),
    close: () => store.close(),
  };
}

interface Sealing {
  readonly provider: Provider;
  readonly keys: StoreKeys;
  readonly nameOf: NameOf;
}

function sealedTransaction(inner: StoreTransaction, sealing: Sealing): StoreTransaction {
  const nameOf = (key: string) => {
    checkStoreKey(key);
    return sealing.nameOf(key);
  };
  return {
    async get(key) {
      const name = nameOf(key);
      const data = await inner.get(name);
      return data && openEntry(sealing, { name, data }).value;
    },
    async put(key, value) {
      const name = nameOf(key);
      await inner.put(name, sealEntry(sealing, name, { key, value }));
    },
    async delete(key) {
      await inner.delete(nameOf(key));
    },
    async list(range) {
      checkStoreRange(range);
      const found = await inner.list(sealedRange(sealing, range));
      return found.map(({ key: name, value: data }) => openEntry(sealing, { name, data }));
    },
  };
}

function sealedRange({ nameOf }: Sealing, { prefix, after = prefix, limit }: StoreRange) {
  const start = after === prefix ? undefined : nameOf(after);
  if (prefix === '') return { prefix, after: start ?? SEAL_KEY, limit };
  const within = `${nameOf(prefix.slice(0, -1))}/`;
  return { prefix: within, after: start ?? within, limit };
}

/** The key lies within, behind its length: a name does not tell it. */
function sealEntry({ provider, keys }: Sealing, name: string, { key, value }: StoreEntry) {
  const data = new Uint8Array(2 + key.length + value.length);
  new DataView(data.buffer).setUint16(0, key.length);
  encoder.encodeInto(key, data.subarray(2));
  data.set(value, 2 + key.length);
  return sealStoreRecord(provider, keys, { name, data });
}

function openEntry({ provider, keys }: Sealing, record: { name: string; data: Uint8Array }) {
  const data = openRecord(provider, keys, record);
  const end = 2 + new DataView(data.buffer, data.byteOffset).getUint16(0);
  return { key: decoder.decode(data.subarray(2, end)), value: data.slice(end) };
}

function openRecord(
  provider: Provider,
  keys: StoreKeys,
  record: { name: string; data: Uint8Array },
): Uint8Array {
  try {
    return openStoreRecord(provider, keys, record);
  } catch (cause) {
    throw new ClientError('store.invalid', 'a record of the store is damaged', { cause });
  }
}
