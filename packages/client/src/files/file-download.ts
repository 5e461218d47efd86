/** A file on its way down: fetched again from where it broke off, and given out as far as it is known to be right. */
import type { FileId } from '@sotto/api';
import { downloadFile } from '@sotto/api/files';
import { CryptoError, type Provider } from '@sotto/crypto';
import { type ByteRange, type FileSecret, openFile, unsealFile } from '@sotto/crypto/files';
import { sameBytes } from '../account/records.ts';
import { ClientError, ConnectionError, isProblem } from '../errors.ts';
import { DOWNLOAD_SILENCE_MS_MAX } from '../limits.ts';
import { Attempts, type TransferDeps } from './file-attempts.ts';
import type { Lengths } from './file-lengths.ts';
import { through } from './file-pieces.ts';
import { streamOf } from './stream-of.ts';

/** Gives the bytes of a range of the ciphertext: exactly those, in pieces, or an error. Nobody wants them once `left` is aborted. */
export type CiphertextReader = (range: ByteRange, left?: AbortSignal) => AsyncGenerator<Uint8Array>;

/** What the ciphertext is held to. */
export interface SealedFile {
  readonly secret: FileSecret;
  readonly lengths: Lengths;
  /** SHA-256 of the ciphertext; of files of early messages it is not known. */
  readonly digest: Uint8Array | undefined;
}

/**
 * Reads a file of the platform. Throws `file.damaged` when it ends before or after the range does, the reason of the
 * signal, and what calls throw once trying again is of no use.
 */
export function ciphertextReader(
  deps: TransferDeps,
  { id, length, signal: ended }: { id: FileId; length: number; signal: AbortSignal | undefined },
): CiphertextReader {
  const params = { id };
  return async function* read({ start, end }, left) {
    const signal = ended && left ? AbortSignal.any([ended, left]) : (ended ?? left);
    const attempts = new Attempts(deps, signal);
    for (let at = start; at < end; ) {
      try {
        const isWhole = at === 0 && end === length;
        const range = isWhole ? undefined : { start: at, end };
        const body = await deps.call(downloadFile, { params }, { signal, range });
        for await (const piece of piecesOf(body)) {
          if (piece.length > end - at) throw damaged();
          at += piece.length;
          attempts.moved();
          yield piece;
        }
        if (at < end) throw damaged();
      } catch (error) {
        if (isProblem(error, 'request.range')) throw damaged();
        await attempts.failed(error);
      }
    }
  };
}

/**
 * The plaintext of a whole file; nothing is fetched before it is read. Each piece is given out once it is authenticated,
 * and the last one once the digest and the padding are right. Fails with `file.damaged`, and as the reader does.
 */
export function openWhole(
  provider: Provider,
  read: CiphertextReader,
  file: SealedFile,
): ReadableStream<Uint8Array> {
  const leaving = new AbortController();
  const pieces = plaintextOf(provider, (range) => read(range, leaving.signal), file);
  return streamOf(pieces, leaving);
}

/**
 * The plaintext of a range. Each is authenticated and in its place; the digest of the whole is not asked for. Throws a
 * `RangeError` for what lies outside the file, `file.damaged`, and as the reader does.
 */
export function openRanges(
  provider: Provider,
  read: CiphertextReader,
  { secret, lengths }: SealedFile,
): (range: ByteRange) => Promise<Uint8Array> {
  const collect = async (range: ByteRange) => {
    const bytes = new Uint8Array(range.end - range.start);
    let at = 0;
    for await (const piece of read(range)) {
      bytes.set(piece, at);
      at += piece.length;
    }
    return bytes;
  };
  const source = { length: lengths.ciphertext, read: collect };
  let opened: ReturnType<typeof openFile> | undefined;
  return async ({ start, end }) => {
    const isWithin = Number.isSafeInteger(start) && Number.isSafeInteger(end) && start >= 0;
    if (!isWithin || start > end || end > lengths.size)
      throw new RangeError(`the file has ${lengths.size} bytes, not ${start} to ${end}`);
    opened ??= openFile(provider, secret, source).catch((error) => {
      opened = undefined; // It may have been the network: asked again, it is tried again.
      throw error;
    });
    const file = await opened.catch(explain);
    return file.read({ start, end }).catch(explain);
  };
}

async function* plaintextOf(
  provider: Provider,
  read: CiphertextReader,
  { secret, lengths, digest }: SealedFile,
): AsyncGenerator<Uint8Array> {
  const ciphertext = checked(provider, read({ start: 0, end: lengths.ciphertext }), digest);
  let seen = 0;
  let held: Uint8Array | undefined;
  try {
    for await (const piece of through(unsealFile(provider, secret), ciphertext)) {
      const content = piece.subarray(0, Math.max(0, lengths.size - seen));
      if (piece.subarray(content.length).some((byte) => byte !== 0)) throw damaged();
      seen += piece.length;
      if (content.length === 0) continue;
      if (held !== undefined) yield held;
      held = content;
    }
  } catch (error) {
    explain(error);
  }
  if (seen !== lengths.padded) throw damaged();
  if (held !== undefined) yield held;
}

async function* checked(
  provider: Provider,
  ciphertext: AsyncGenerator<Uint8Array>,
  digest: Uint8Array | undefined,
): AsyncGenerator<Uint8Array> {
  const hash = provider.startSha256();
  for await (const piece of ciphertext) {
    hash.update(piece);
    yield piece;
  }
  if (digest !== undefined && !sameBytes(hash.digest(), digest)) throw damaged();
}

/** What an answer brings, or `ConnectionError` when it breaks or falls silent. */
async function* piecesOf(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await soon(reader.read());
      if (done) return;
      yield value;
    }
  } catch (cause) {
    throw new ConnectionError('the file stopped coming', { cause });
  } finally {
    await reader.cancel().catch(() => {}); // It is broken; whoever reads has been told.
  }
}

async function soon<T>(step: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error('silence')), DOWNLOAD_SILENCE_MS_MAX);
  try {
    return await Promise.race([step, promise]);
  } finally {
    clearTimeout(timer);
  }
}

function explain(error: unknown): never {
  if (!(error instanceof CryptoError) || error.code !== 'file.undecryptable') throw error;
  throw damaged(error);
}

function damaged(cause?: unknown): ClientError {
  return new ClientError('file.damaged', 'the file is not as it was sent', { cause });
}
