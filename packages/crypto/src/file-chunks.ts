/**
 * The chunks that an encrypted file is made of, and the key that they have in common (C2SP chunked-encryption v1, sections
 * "Key derivation" and "AEAD usage"). What files are made of them is in `file-stream.ts`.
 */
import { assertLength, concat, equal } from './bytes.ts';
import { CryptoError } from './errors.ts';
import { KDF_LABELS } from './kdf.ts';
import { FILE_CHUNKS_MAX } from './limits.ts';
import type { AeadInput, Provider } from './provider.ts';

/** Of a file. */
export const KEY_BYTES = 32;
const NONCE_BYTES = 12;
/** Of a file, at its beginning. */
export const SALT_BYTES = 24;
const COMMITMENT_BYTES = 32;
/** Behind each chunk. */
export const TAG_BYTES = 16;
/** What a ciphertext begins with. */
export const HEADER_BYTES = SALT_BYTES + COMMITMENT_BYTES;
/** Of plaintext; the last chunk is shorter. */
export const CHUNK_BYTES = 16 * 1024;
/** The same with its tag. */
export const SEALED_CHUNK_BYTES = CHUNK_BYTES + TAG_BYTES;

const noBytes = new Uint8Array(0);

/** What opens one file. It travels inside an encrypted message and never reaches a server. */
export interface FileSecret {
  /** 32 uniformly random bytes, made for this file by {@link makeFileKey}. */
  readonly key: Uint8Array;
  /** What the file belongs to; any bytes, also none. Opening it needs the same. */
  readonly context: Uint8Array;
}

/** The derived key of one file, and the nonce that chunk numbers are mixed into. */
export interface ChunkCipher {
  readonly provider: Provider;
  readonly key: Uint8Array;
  readonly baseNonce: Uint8Array;
}

/** What the ciphertext of a file begins with, and what seals its chunks. */
export interface StartedFile {
  readonly header: Uint8Array;
  readonly cipher: ChunkCipher;
}

/** Begins a new file. Throws `input.invalid` for a bad key. */
export function startFile(
  provider: Provider,
  secret: FileSecret,
  salt = provider.randomBytes(SALT_BYTES),
): StartedFile {
  assertSecret(secret);
  const { commitment, cipher } = deriveCipher(provider, secret, salt);
  return { header: concat(salt, commitment), cipher };
}

/** The cipher of an existing file, once the commitment shows that key and context are the right ones. */
export function resumeFile(
  provider: Provider,
  secret: FileSecret,
  header: Uint8Array,
): ChunkCipher {
  assertSecret(secret);
  if (header.length !== HEADER_BYTES) throw undecryptable();
  const { commitment, cipher } = deriveCipher(provider, secret, header.subarray(0, SALT_BYTES));
  if (!equal(commitment, header.subarray(SALT_BYTES))) throw undecryptable();
  return cipher;
}

/** Section "Key derivation": HKDF-Expand with SHA-512, of 32 + 12 + 32 bytes, thus of two blocks. */
function deriveCipher(provider: Provider, { key, context }: FileSecret, salt: Uint8Array) {
  const info = concat(KDF_LABELS.file, salt, context);
  const first = provider.hmacSha512(key, concat(info, Uint8Array.of(1)));
  const second = provider.hmacSha512(key, concat(first, info, Uint8Array.of(2)));
  const output = concat(first, second);
  const nonceEnd = KEY_BYTES + NONCE_BYTES;
  const cipher: ChunkCipher = {
    provider,
    key: output.slice(0, KEY_BYTES),
    baseNonce: output.slice(KEY_BYTES, nonceEnd),
  };
  return { cipher, commitment: output.slice(nonceEnd, nonceEnd + COMMITMENT_BYTES) };
}

/** One chunk, and where what comes of it goes, when it is to go somewhere. */
export interface ChunkWork {
  readonly index: number;
  readonly chunk: Uint8Array;
  readonly into?: Uint8Array;
}

/** The chunk with its tag behind it. */
export function sealChunk(cipher: ChunkCipher, work: ChunkWork): Uint8Array {
  return cipher.provider.aesGcmSeal(aeadInput(cipher, work));
}

/** What is in a sealed chunk. Throws `file.undecryptable`. */
export function openChunk(cipher: ChunkCipher, work: ChunkWork): Uint8Array {
  const plaintext = cipher.provider.aesGcmOpen(aeadInput(cipher, work));
  if (plaintext === undefined) throw undecryptable();
  return plaintext;
}

function aeadInput({ key, baseNonce }: ChunkCipher, { index, chunk, into }: ChunkWork): AeadInput {
  const nonce = chunkNonce(baseNonce, index);
  return { key, nonce, associatedData: noBytes, data: chunk, ...(into && { into }) };
}

/** Section "AEAD usage": the base nonce XOR the chunk number in its last bytes, big-endian. */
function chunkNonce(baseNonce: Uint8Array, index: number): Uint8Array {
  if (index >= FILE_CHUNKS_MAX) throw new CryptoError('input.invalid', 'the file is too long');
  const nonce = baseNonce.slice();
  nonce[8]! ^= index >>> 24;
  nonce[9]! ^= index >>> 16;
  nonce[10]! ^= index >>> 8;
  nonce[11]! ^= index;
  return nonce;
}

/** Throws `input.invalid` for a key of another length than 32, and for a context that is none. */
export function assertSecret({ key, context }: FileSecret): void {
  assertLength(key, KEY_BYTES, 'a file key');
  if (!(context instanceof Uint8Array)) {
    throw new CryptoError('input.invalid', 'the context of a file must be bytes');
  }
}

/** The one error for everything that is wrong with a ciphertext. */
export function undecryptable(): CryptoError {
  return new CryptoError('file.undecryptable', 'the file does not authenticate');
}
