/**
 * Where file ciphertexts lie: a directory or an S3 bucket. Keys are server-made UUIDs.
 *
 * Two adapters keep this contract, `blobs-directory.ts` and `blobs-s3.ts`; `blobs.contract.ts` holds both to it.
 */

export interface ByteRange {
  /** First byte. */
  start: number;
  /** Last byte, inclusive. */
  end: number;
}

export interface Blob {
  /** Of the whole blob, also when a range was asked for. */
  size: number;
  /** The bytes asked for, read no faster than the reader takes them. */
  body: ReadableStream<Uint8Array>;
}

export interface Blobs {
  /**
   * Stores a stream under a key, whole or not at all, holding at most a few megabytes of it in memory.
   * Resolves to its size once it is stored. Rejects with the stream's own error when the stream fails;
   * nothing is left behind then.
   */
  put(key: string, body: ReadableStream<Uint8Array>): Promise<number>;
  /**
   * Opens a blob, or undefined when there is none. A range may end beyond the blob's last byte; one that starts there
   * throws a RangeError. Read the body or cancel it.
   */
  get(key: string, range?: ByteRange): Promise<Blob | undefined>;
  /** Removes a blob; no error when there is none. */
  delete(key: string): Promise<void>;
  /** Resolves when the store answers. */
  ping(): Promise<void>;
  close(): Promise<void>;
}

/** The part of a range that lies within a blob of this size. Throws a RangeError when none does. */
export function clipRange({ start, end }: ByteRange, size: number): ByteRange {
  if (start < 0 || start >= size || end < start)
    throw new RangeError('the range lies outside the blob');
  return { start, end: Math.min(end, size - 1) };
}
