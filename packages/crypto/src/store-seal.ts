/**
 * Encryption of what a device keeps at rest. One random data key per store gives the keys for the names and the
 * contents of its records; it lies beside them wrapped under a key that a person or an application gives, so that
 * giving another one wraps 32 bytes anew and nothing else.
 */
import { argon2idAsync } from '@noble/hashes/argon2.js';
import { openMessage, SALT_BYTES, sealMessage, TAG_BYTES } from './aead.ts';
import { assertInteger, assertLength, concat, utf8 } from './bytes.ts';
import { CryptoError } from './errors.ts';
import { derivePair, KDF_LABELS, labelled } from './kdf.ts';
import { PASSPHRASE_COST_MAX } from './limits.ts';
import type { Provider } from './provider.ts';

const KEY_BYTES = 32;
/** As long as an AES block: two of 2⁴⁸ names are alike with a probability of 2⁻³³. */
const NAME_BYTES = 16;
const NO_SALT = new Uint8Array();

/** Bytes of a wrapped data key. */
export const WRAPPED_STORE_KEY_BYTES = SALT_BYTES + KEY_BYTES + TAG_BYTES;

/** What Argon2id (RFC 9106) is to cost. */
export interface PassphraseCost {
  readonly memoryKiB: number;
  readonly passes: number;
  readonly lanes: number;
}

/** The keys of one store. */
export interface StoreKeys {
  readonly names: Uint8Array;
  readonly records: Uint8Array;
}

/**
 * 32 bytes from a passphrase by Argon2id, in the background: no step takes longer than a few milliseconds. The same text
 * typed on another keyboard is the same (Unicode NFC). Throws `input.invalid` for an empty passphrase, a salt that is
 * not 16 bytes, and a cost beyond {@link PASSPHRASE_COST_MAX}: a changed file could ask for any.
 */
export async function stretchPassphrase(
  passphrase: string,
  salt: Uint8Array,
  { memoryKiB, passes, lanes }: PassphraseCost,
): Promise<Uint8Array> {
  if (passphrase === '') throw new CryptoError('input.invalid', 'a passphrase is not empty');
  assertLength(salt, SALT_BYTES, 'a salt');
  assertInteger(lanes, { min: 1, max: PASSPHRASE_COST_MAX.lanes }, 'lanes');
  assertInteger(memoryKiB, { min: 8 * lanes, max: PASSPHRASE_COST_MAX.memoryKiB }, 'memoryKiB');
  assertInteger(passes, { min: 1, max: PASSPHRASE_COST_MAX.passes }, 'passes');
  const cost = { m: memoryKiB, t: passes, p: lanes, dkLen: KEY_BYTES };
  return argon2idAsync(utf8(passphrase.normalize('NFC')), salt, cost);
}

/** A new data key. */
export function makeStoreKey(provider: Provider): Uint8Array {
  return provider.randomBytes(KEY_BYTES);
}

/** Who can open a store: a 32-byte key that nobody can guess, and the bytes that say where it comes from. */
export interface StoreLock {
  readonly wrappingKey: Uint8Array;
  readonly description: Uint8Array;
}

/** salt ‖ ciphertext ‖ tag. The description of the lock is authenticated with it. */
export function wrapStoreKey(
  provider: Provider,
  lock: StoreLock,
  storeKey: Uint8Array,
): Uint8Array {
  assertLength(storeKey, KEY_BYTES, 'a data key');
  return seal(provider, wrapping(lock), storeKey);
}

/** The data key, or undefined when the lock is another one or was changed. */
export function unwrapStoreKey(
  provider: Provider,
  lock: StoreLock,
  wrapped: Uint8Array,
): Uint8Array | undefined {
  assertLength(wrapped, WRAPPED_STORE_KEY_BYTES, 'a wrapped key');
  try {
    return open(provider, wrapping(lock), wrapped);
  } catch {
    return undefined; // Only ever `message.undecryptable`: the lengths are right.
  }
}

/** The keys that a data key gives. Keep the result: a provider may hold keys prepared by their arrays. */
export function storeKeysOf(provider: Provider, storeKey: Uint8Array): StoreKeys {
  assertLength(storeKey, KEY_BYTES, 'a data key');
  const input = { keyMaterial: storeKey, salt: NO_SALT, info: KDF_LABELS.storeKeys };
  const [names, records] = derivePair(provider, input);
  return { names, records };
}

/** A name of 16 bytes in place of a text: always the same one, and telling nothing to who lacks the key. */
export function blindStoreName(provider: Provider, keys: StoreKeys, text: string): Uint8Array {
  return provider.hmacSha256(keys.names, utf8(text)).slice(0, NAME_BYTES);
}

/**
 * salt ‖ ciphertext ‖ tag: AES-256-GCM under a key and nonce that belong to this writing of this record only, derived
 * with 16 random bytes, so that no number of writings repeats one, and a copy of the store that goes on does neither.
 * It opens under the same name only: records cannot be exchanged for one another.
 */
export function sealStoreRecord(
  provider: Provider,
  keys: StoreKeys,
  record: { readonly name: string; readonly data: Uint8Array },
): Uint8Array {
  return seal(provider, recordUnder(keys, record.name), record.data);
}

/** The record again. Throws `message.undecryptable` when it was changed, cut or moved, or is another store's. */
export function openStoreRecord(
  provider: Provider,
  keys: StoreKeys,
  record: { readonly name: string; readonly data: Uint8Array },
): Uint8Array {
  return open(provider, recordUnder(keys, record.name), record.data);
}

interface SealedUnder {
  readonly seed: Uint8Array;
  readonly label: Uint8Array;
  readonly associatedData: Uint8Array;
}

function wrapping({ wrappingKey, description }: StoreLock): SealedUnder {
  assertLength(wrappingKey, KEY_BYTES, 'a wrapping key');
  const label = KDF_LABELS.storeWrap;
  return { seed: wrappingKey, label, associatedData: labelled(label, description) };
}

function recordUnder({ records }: StoreKeys, name: string): SealedUnder {
  const label = KDF_LABELS.storeRecord;
  return { seed: records, label, associatedData: labelled(label, utf8(name)) };
}

function seal(provider: Provider, under: SealedUnder, data: Uint8Array): Uint8Array {
  const salt = provider.randomBytes(SALT_BYTES);
  return concat(salt, sealMessage(provider, { ...under, salt }, data));
}

function open(provider: Provider, under: SealedUnder, sealed: Uint8Array): Uint8Array {
  const salt = sealed.slice(0, SALT_BYTES);
  return openMessage(provider, { ...under, salt }, sealed.subarray(SALT_BYTES));
}
