/**
 * File encryption: C2SP chunked-encryption v1 (https://c2sp.org/chunked-encryption) with SHA-512 and
 * AES-256-GCM, also known as Cobblestone-256. Chunks of 16 KiB, each authenticated on its own, the
 * last one always shorter: so it can be streamed in constant memory and read at any place, and cutting,
 * reordering or extending is noticed. The commitment makes a ciphertext open under one key only.
 *
 * A door of its own, `@sotto/crypto/files`, for the reason that `provisioning.ts` gives.
 */

import { ByteCutter } from './byte-cutter.ts';
import { assertInteger, assertLength } from './bytes.ts';
import {
  assertSecret,
  CHUNK_BYTES,
  type ChunkCipher,
  type FileSecret,
  HEADER_BYTES,
  KEY_BYTES,
  openChunk,
  resumeFile,
  SALT_BYTES,
  SEALED_CHUNK_BYTES,
  type StartedFile,
  sealChunk,
  startFile,
  TAG_BYTES,
  undecryptable,
} from './file-chunks.ts';
import { FILE_CHUNKS_MAX } from './limits.ts';
import type { Provider } from './provider.ts';

export type { FileSecret };

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

/** A file on its way into its ciphertext or back, in pieces of any length and in constant memory. */
export interface FilePieces {
  /** What these bytes complete. They are not needed any more once all of it was taken. */
  push(bytes: Uint8Array): Iterable<Uint8Array>;
  /** The rest, when there are no more bytes. */
  end(): Iterable<Uint8Array>;
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

/** A salt for {@link unsafeSealFileAgain}. */
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
    const chunk = plaintext.subarray(start, start + CHUNK_BYTES);
    const end = at + chunk.length + TAG_BYTES;
    sealChunk(cipher, { index, chunk, into: ciphertext.subarray(at, end) });
    at = end;
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
  return streamOf(sealPieces(startFile(provider, secret)));
}

/**
 * Plaintext in, ciphertext out, with a salt that may have been used before, which gives the same bytes for
 * the same file: to go on with an upload after a crash. Another file under this key and salt gives both
 * away, and the means to forge them (NIST SP 800-38D, appendix A). So nothing that comes out may leave the
 * device before it is known, by a digest that was kept, to begin with everything that has left it before.
 */
export function unsafeSealFileAgain(
  provider: Provider,
  secret: FileSecret,
  salt: Uint8Array,
): FilePieces {
  assertLength(salt, SALT_BYTES, 'the salt of a file');
  return sealPieces(startFile(provider, secret, salt));
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
  return streamOf(unsealFile(provider, secret));
}

/** The same without a stream around it. */
export function unsealFile(provider: Provider, secret: FileSecret): FilePieces {
  assertSecret(secret);
  const cutter = new ByteCutter(HEADER_BYTES, SEALED_CHUNK_BYTES);
  let cipher: ChunkCipher | undefined;
  let index = 0;
  return {
    *push(bytes) {
      const opened = new Uint8Array(cutter.countAfter(bytes.length) * CHUNK_BYTES);
      let length = 0;
      let failure: unknown;
      try {
        for (const piece of cutter.cut(bytes)) {
          if (cipher === undefined) {
            cipher = resumeFile(provider, secret, piece);
            continue;
          }
          const into = opened.subarray(length, length + CHUNK_BYTES);
          length += openChunk(cipher, { index: index++, chunk: piece, into }).length;
        }
      } catch (error) {
        failure = error;
      }
      // Also what comes before a chunk that does not authenticate.
      if (length > 0) yield opened.subarray(0, length);
      if (failure !== undefined) throw failure;
    },
    *end() {
      // A full chunk never is the last one, so what the cutter holds must be a shorter one.
      if (cipher === undefined) throw undecryptable();
      const last = openChunk(cipher, { index, chunk: cutter.rest() });
      if (last.length > 0) yield last;
    },
  };
}

function sealPieces({ header, cipher }: StartedFile): FilePieces {
  const cutter = new ByteCutter(CHUNK_BYTES, CHUNK_BYTES);
  let index = 0;
  let isBegun = false;
  function* begin(): Generator<Uint8Array> {
    if (!isBegun) yield header;
    isBegun = true;
  }
  return {
    *push(bytes) {
      yield* begin();
      // In one array: what stands behind costs for each piece, and a new array costs more than to fill it.
      const sealed = new Uint8Array(cutter.countAfter(bytes.length) * SEALED_CHUNK_BYTES);
      let length = 0;
      for (const chunk of cutter.cut(bytes)) {
        const end = length + chunk.length + TAG_BYTES;
        sealChunk(cipher, { index: index++, chunk, into: sealed.subarray(length, end) });
        length = end;
      }
      if (length > 0) yield sealed.subarray(0, length);
    },
    *end() {
      yield* begin();
      yield sealChunk(cipher, { index, chunk: cutter.rest() });
    },
  };
}

function streamOf({ push, end }: FilePieces): TransformStream<Uint8Array, Uint8Array> {
  return new TransformStream<Uint8Array, Uint8Array>({
    transform(bytes, controller) {
      for (const piece of push(bytes)) controller.enqueue(piece);
    },
    flush(controller) {
      for (const piece of end()) controller.enqueue(piece);
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
  const chunk = await readExactly(source, sealedRange(last, last, source.length));
  openChunk(cipher, { index: last, chunk });
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

/** Opens consecutive chunks, the first of which has the number `first`, into an array that fits. */
function openChunks(
  cipher: ChunkCipher,
  first: number,
  sealed: Uint8Array,
  into: Uint8Array,
): void {
  const count = Math.ceil(sealed.length / SEALED_CHUNK_BYTES);
  for (let number = 0; number < count; number++) {
    const at = number * SEALED_CHUNK_BYTES;
    const chunk = sealed.subarray(at, at + SEALED_CHUNK_BYTES);
    const start = number * CHUNK_BYTES;
    const end = start + chunk.length - TAG_BYTES;
    openChunk(cipher, { index: first + number, chunk, into: into.subarray(start, end) });
  }
}
