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

/** One blob that is brought in parts, over several requests or processes. Keep it with the row of what it belongs to. */
export interface PartsAttempt {
  key: string;
  /** What the store calls it. Nobody but the store can read anything out of it. */
  attempt: string;
}

/** A part, as often as it has to be sent. */
export interface Part {
  /** From 1. */
  number: number;
  /** BLOB_PART_BYTES, and less in the last part only. Not changed before the store has it. */
  body: Uint8Array;
}

/** The store knows no such attempt: it was aborted, or the store's own rules have ended it. Its parts are gone. */
export class PartsGoneError extends Error {
  override readonly name = 'PartsGoneError';

  constructor(cause?: unknown) {
    super('the store has no such attempt', { cause });
  }
}

export interface Blobs {
  /**
   * Stores a stream under a key, whole or not at all, holding at most a few megabytes of it in memory.
   * Resolves to its size once it is stored. Rejects with the stream's own error when the stream fails;
   * nothing is left behind then. Bytes that are in memory already, a part at most, go as they are. The owner is whose
   * share of that memory a stream takes; one without is an owner of its own.
   */
  put(key: string, body: ReadableStream<Uint8Array> | Uint8Array, owner?: string): Promise<number>;
  /**
   * Opens a blob, or undefined when there is none. A range may end beyond the blob's last byte; one that starts there
   * throws a RangeError. Read the body or cancel it. What goes to a `reader`, who may be slow, takes nothing away from
   * what the process does by itself.
   */
  get(key: string, range?: ByteRange, purpose?: 'own' | 'reader'): Promise<Blob | undefined>;
  /** Removes a blob; no error when there is none. */
  delete(key: string): Promise<void>;
  /** Begins a blob that comes in parts, and gives the attempt's name. Nothing can be read before it is complete. */
  beginParts(key: string): Promise<string>;
  /**
   * Stores one part for good, in place of an earlier one with its number; of different numbers several at a time. What
   * it gives goes to `completeParts`. Throws PartsGoneError.
   */
  putPart(attempt: PartsAttempt, part: Part): Promise<string>;
  /**
   * Makes one blob of parts 1 to n, n at least 1, by what `putPart` gave for each. Repeating it is no error. Throws
   * PartsGoneError when there is neither the attempt nor the blob.
   */
  completeParts(attempt: PartsAttempt, tags: readonly string[]): Promise<void>;
  /** Removes the parts; no error when there are none. */
  abortParts(attempt: PartsAttempt): Promise<void>;
  /** All attempts that are neither complete nor aborted, read page by page, also those of a `put` under way. */
  listUnfinished(): AsyncIterable<PartsAttempt & { begunAt: Date }>;
  /**
   * All blobs in the order of their keys, those behind one key when it is given, read page by page. What else lies in
   * the same place is passed over.
   */
  list(after?: string): AsyncIterable<{ key: string; modifiedAt: Date }>;
  /**
   * An address at which anyone can GET this one blob for so long, as a download; nothing is asked of the store, which
   * says itself when there is no such blob. Left out by stores that cannot be reached by clients.
   */
  presign?(key: string, options: { seconds: number }): Promise<string>;
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
