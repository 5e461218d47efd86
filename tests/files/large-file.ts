/** Files of any size with contents that their numbers fix, made and compared without being held whole. */
import { createCipheriv, createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

export interface LargeFile {
  path: string;
  size: number;
  /** Of its contents, in hexadecimal digits. */
  sha256: string;
}

const PIECE_BYTES = 1024 * 1024;

/** Writes bytes that look like chance, and are the same for the same number. */
export async function writeLargeFile(
  path: string,
  { size, number }: { size: number; number: number },
): Promise<LargeFile> {
  const hash = createHash('sha256');
  const key = createHash('sha256').update(String(number)).digest();
  function* pieces(): Generator<Uint8Array> {
    const cipher = createCipheriv('aes-256-ctr', key, Buffer.alloc(16));
    const zeros = new Uint8Array(PIECE_BYTES);
    for (let left = size; left > 0; left -= PIECE_BYTES) {
      const piece = cipher.update(zeros.subarray(0, Math.min(left, PIECE_BYTES)));
      hash.update(piece);
      yield piece;
    }
  }
  await pipeline(Readable.from(pieces()), createWriteStream(path));
  return { path, size, sha256: hash.digest('hex') };
}

/** What a file holds. */
export async function digestOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: PIECE_BYTES }), hash);
  return hash.digest('hex');
}
