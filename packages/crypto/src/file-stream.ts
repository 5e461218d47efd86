/**
 * File encryption: C2SP chunked-encryption v1 (https://c2sp.org/chunked-encryption) with SHA-512 and
 * AES-256-GCM, also known as Cobblestone-256. Chunks of 16 KiB, each authenticated on its own, the
 * last one always shorter: so it can be streamed in constant memory and read at any place, and cutting,
 * reordering or extending is noticed. The commitment makes a ciphertext open under one key only.
 */

import { ByteCutter } from './byte-cutter.ts';
import { assertInteger, assertLength, concat, equal } from './bytes.ts';
import { CryptoError } from './errors.ts';
import { KDF_LABELS } from './kdf.ts';
import { FILE_CHUNKS_MAX } from './limits.ts';
import type { Provider } from './provider.ts';

const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const SALT_BYTES = 24;
const COMMITMENT_BYTES = 32;
const TAG_BYTES = 16;
const HEADER_BYTES = SALT_BYTES + COMMITMENT_BYTES;
const CHUNK_BYTES = 16 * 1024;
const SEALED_CHUNK_BYTES = CHUNK_BYTES + TAG_BYTES;

const noBytes = new Uint8Array(0);

/** What opens one file. It travels inside an encrypted message and never reaches a server. */
export interface FileSecret {
  /** 32 uniformly random bytes, made for this file by {@link makeFileKey}. */
  readonly key: Uint8Array;
  /** What the file belongs to; any bytes, also none. Opening it needs the same. */
  readonly context: Uint8Array;
}

/** Part of a file: `start` included, `end` not, in bytes. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** A ciphertext that can be read at any place, such as a blob or an HTTP resource with ranges. */
export interface CiphertextSource {
  /** Bytes in all, as the server claims. */
  readonly length: number;
  /** Exactly the bytes of the range; its rejections pass through unchanged. */
  read(range: ByteRange): Promise<Uint8Array>;
}

/** An opened file whose length is authenticated. */
export interface OpenedFile {
  /** Bytes of plaintext. */
  readonly length: number;
  /**
   * The plaintext of a range, from one read of the chunks around it. Rejects with `input.invalid` for
   * a range outside the file and `file.undecryptable` when a chunk does not authenticate.
   */
  read(range: ByteRange): Promise<Uint8Array>;
}

/** A key for one file. */
export function makeFileKey(provider: Provider): Uint8Array {
  return provider.randomBytes(KEY_BYTES);
}

/** A salt for {@link unsafeEncryptFileStreamAgain}. */
export function makeFileSalt(provider: Provider): Uint8Array {
  return provider.randomBytes(SALT_BYTES);
}

/** The length of the ciphertext of so many bytes. Throws `input.invalid` above 64 TiB. */
export function encryptedFileLength(plaintextLength: number): number {
  const max = FILE_CHUNKS_MAX * CHUNK_BYTES - 1;
  assertInteger(plaintextLength, { min: 0, max }, 'the length of a file');
  const chunks = Math.floor(plaintextLength / CHUNK_BYTES) + 1;
  return HEADER_BYTES + plaintextLength + chunks * TAG_BYTES;
}

/** The inverse of {@link encryptedFileLength}. Throws `file.undecryptable` when no file is so long. */
export function decryptedFileLength(ciphertextLength: number): number {
  const sealed = ciphertextLength - HEADER_BYTES;
  const fullChunks = Math.floor(sealed / SEALED_CHUNK_BYTES);
  const last = sealed - fullChunks * SEALED_CHUNK_BYTES;
  if (!Number.isSafeInteger(sealed) || sealed < 0 || last < TAG_BYTES) throw undecryptable();
  if (fullChunks >= FILE_CHUNKS_MAX) throw undecryptable();
  return fullChunks * CHUNK_BYTES + last - TAG_BYTES;
}

/** Encrypts a file that is in memory. Throws `input.invalid` for a key of another length than 32. */
export function encryptFile(
  provider: Provider,
  secret: FileSecret,
  plaintext: Uint8Array,
): Uint8Array {
  const ciphertext = new Uint8Array(encryptedFileLength(plaintext.length));
  const { header, cipher } = startFile(provider, secret);
  ciphertext.set(header);
  let at = HEADER_BYTES;
  for (let index = 0; at < ciphertext.length; index++) {
    const start = index * CHUNK_BYTES;
    const sealed = sealChunk(cipher, index, plaintext.subarray(start, start + CHUNK_BYTES));
    ciphertext.set(sealed, at);
    at += sealed.length;
  }
  return ciphertext;
}

/** Decrypts a file that is in memory. Throws `file.undecryptable`, and `input.invalid` for a bad key. */
export function decryptFile(
  provider: Provider,
  secret: FileSecret,
  ciphertext: Uint8Array,
): Uint8Array {
  const cipher = resumeFile(provider, secret, ciphertext.subarray(0, HEADER_BYTES));
  const plaintext = new Uint8Array(decryptedFileLength(ciphertext.length));
  openChunks(cipher, 0, ciphertext.subarray(HEADER_BYTES), plaintext);
  return plaintext;
}

/**
 * Plaintext in, ciphertext out, in pieces of any length and in constant memory. Its salt is new each
 * time, so each time gives other bytes.
 */
export function encryptFileStream(
  provider: Provider,
  secret: FileSecret,
): TransformStream<Uint8Array, Uint8Array> {
  return sealingStream(startFile(provider, secret));
}

/**
 * The same with a salt that was used before, which gives the same bytes for the same file: to go on with
 * an upload after a crash. Another file under this key and salt gives both away, and the means to forge
 * them (NIST SP 800-38D, appendix A). So nothing that comes out may leave the device before it is
 * known, by a digest that was kept, to begin with everything that has left it before.
 */
export function unsafeEncryptFileStreamAgain(
  provider: Provider,
  secret: FileSecret,
  salt: Uint8Array,
): TransformStream<Uint8Array, Uint8Array> {
  assertLength(salt, SALT_BYTES, 'the salt of a file');
  return sealingStream(startFile(provider, secret, salt));
}

function sealingStream({ header, cipher }: StartedFile): TransformStream<Uint8Array, Uint8Array> {
  const cutter = new ByteCutter(CHUNK_BYTES, CHUNK_BYTES);
  let index = 0;
  return new TransformStream<Uint8Array, Uint8Array>({
    start: (controller) => controller.enqueue(header),
    transform(bytes, controller) {
      for (const chunk of cutter.cut(bytes)) controller.enqueue(sealChunk(cipher, index++, chunk));
    },
    flush: (controller) => controller.enqueue(sealChunk(cipher, index, cutter.rest())),
  });
}

/**
 * Ciphertext in, plaintext out. Each chunk is given out once it has authenticated; whether the file is
 * whole is known only when the stream ends without an error. On `file.undecryptable` throw away what
 * came out.
 */
export function decryptFileStream(
  provider: Provider,
  secret: FileSecret,
): TransformStream<Uint8Array, Uint8Array> {
  assertSecret(secret);
  const cutter = new ByteCutter(HEADER_BYTES, SEALED_CHUNK_BYTES);
  let cipher: ChunkCipher | undefined;
  let index = 0;
  return new TransformStream<Uint8Array, Uint8Array>({
    transform(bytes, controller) {
      for (const piece of cutter.cut(bytes)) {
        if (cipher === undefined) cipher = resumeFile(provider, secret, piece);
        else controller.enqueue(openChunk(cipher, index++, piece));
      }
    },
    flush(controller) {
      // A full chunk never is the last one, so what the cutter holds must be a shorter one.
      if (cipher === undefined) throw undecryptable();
      const last = openChunk(cipher, index, cutter.rest());
      if (last.length > 0) controller.enqueue(last);
    },
  });
}

/**
 * Opens a ciphertext for reading at any place. Reads its header and its last chunk, which
 * authenticates the length. Rejects with `file.undecryptable`, and `input.invalid` for a bad key.
 */
export async function openFile(
  provider: Provider,
  secret: FileSecret,
  source: CiphertextSource,
): Promise<OpenedFile> {
  assertSecret(secret);
  const length = decryptedFileLength(source.length);
  const header = await readExactly(source, { start: 0, end: HEADER_BYTES });
  const cipher = resumeFile(provider, secret, header);
  const last = Math.floor(length / CHUNK_BYTES);
  openChunk(cipher, last, await readExactly(source, sealedRange(last, last, source.length)));
  return { length, read: (range) => readRange({ source, cipher, length }, range) };
}

async function readRange(
  file: { source: CiphertextSource; cipher: ChunkCipher; length: number },
  { start, end }: ByteRange,
): Promise<Uint8Array> {
  assertInteger(end, { min: 0, max: file.length }, 'the end of a range');
  assertInteger(start, { min: 0, max: end }, 'the start of a range');
  if (start === end) return new Uint8Array(0);
  const first = Math.floor(start / CHUNK_BYTES);
  const last = Math.floor((end - 1) / CHUNK_BYTES);
  const range = sealedRange(first, last, file.source.length);
  const sealed = await readExactly(file.source, range);
  const plaintext = new Uint8Array(sealed.length - (last - first + 1) * TAG_BYTES);
  openChunks(file.cipher, first, sealed, plaintext);
  return plaintext.subarray(start - first * CHUNK_BYTES, end - first * CHUNK_BYTES);
}

/** Where the chunks from `first` to `last`, both included, lie in a ciphertext of this length. */
function sealedRange(first: number, last: number, length: number): ByteRange {
  const end = HEADER_BYTES + (last + 1) * SEALED_CHUNK_BYTES;
  return { start: HEADER_BYTES + first * SEALED_CHUNK_BYTES, end: Math.min(end, length) };
}

async function readExactly(source: CiphertextSource, range: ByteRange): Promise<Uint8Array> {
  const bytes = await source.read(range);
  if (bytes.length !== range.end - range.start) throw undecryptable();
  return bytes;
}

/** The derived key of one file, and the nonce that chunk numbers are mixed into. */
interface ChunkCipher {
  readonly provider: Provider;
  readonly key: Uint8Array;
  readonly baseNonce: Uint8Array;
}

/** What the ciphertext of a file begins with, and what seals its chunks. */
interface StartedFile {
  readonly header: Uint8Array;
  readonly cipher: ChunkCipher;
}

function startFile(
  provider: Provider,
  secret: FileSecret,
  salt = makeFileSalt(provider),
): StartedFile {
  assertSecret(secret);
  const { commitment, cipher } = deriveCipher(provider, secret, salt);
  return { header: concat(salt, commitment), cipher };
}

/** The cipher of an existing file, once the commitment shows that key and context are the right ones. */
function resumeFile(provider: Provider, secret: FileSecret, header: Uint8Array): ChunkCipher {
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

function sealChunk({ provider, key, baseNonce }: ChunkCipher, index: number, data: Uint8Array) {
  const nonce = chunkNonce(baseNonce, index);
  return provider.aesGcmSeal({ key, nonce, associatedData: noBytes, data });
}

function openChunk({ provider, key, baseNonce }: ChunkCipher, index: number, data: Uint8Array) {
  const nonce = chunkNonce(baseNonce, index);
  const plaintext = provider.aesGcmOpen({ key, nonce, associatedData: noBytes, data });
  if (plaintext === undefined) throw undecryptable();
  return plaintext;
}

/** Opens consecutive chunks, the first of which has the number `first`, into an array that fits. */
function openChunks(
  cipher: ChunkCipher,
  first: number,
  sealed: Uint8Array,
  into: Uint8Array,
): void {
  const count = Math.ceil(sealed.length / SEALED_CHUNK_BYTES);
  for (let chunk = 0; chunk < count; chunk++) {
    const at = chunk * SEALED_CHUNK_BYTES;
    const piece = sealed.subarray(at, at + SEALED_CHUNK_BYTES);
    into.set(openChunk(cipher, first + chunk, piece), chunk * CHUNK_BYTES);
  }
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

function assertSecret({ key, context }: FileSecret): void {
  assertLength(key, KEY_BYTES, 'a file key');
  if (!(context instanceof Uint8Array)) {
    throw new CryptoError('input.invalid', 'the context of a file must be bytes');
  }
}

function undecryptable(): CryptoError {
  return new CryptoError('file.undecryptable', 'the file does not authenticate');
}
