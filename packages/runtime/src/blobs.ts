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
  /** Opens a blob, or undefined when there is none. */
  get(key: string, range?: ByteRange): Promise<Blob | undefined>;
  /** Removes a blob; no error when there is none. */
  delete(key: string): Promise<void>;
  /** Resolves when the store answers. */
  ping(): Promise<void>;
  close(): Promise<void>;
}
