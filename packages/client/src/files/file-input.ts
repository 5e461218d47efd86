/** A file as an application gives it to be sent. */
import * as z from 'zod/mini';
import { beginStretch } from '../connection/stretch.ts';
import { ClientError } from '../errors.ts';
import { paddedLength } from './file-padding.ts';
import { FileReference, type Thumbnail } from './file-reference.ts';
import { freeingSpent } from './spent-memory.ts';
import { chunksOf } from './stream-of.ts';

/** What is in memory is handed on in pieces of this, so that other work comes in between. */
const PIECE_BYTES = 65_536;

/** A file to send. A `Blob` may lie on a disk (`openAsBlob` in Node, `File` in browsers): it is read as it is sent. */
export interface FileInput {
  readonly name: string;
  /** Media type, such as `image/png`. */
  readonly type: string;
  /** A stream can be sent once: a crash ends that, where anything else goes on when it is sent again. */
  readonly data: Uint8Array | Blob | { stream: ReadableStream<Uint8Array>; size: number };
  /** At most 8 KiB; it travels in the message itself. */
  readonly thumbnail?: Thumbnail | undefined;
}

/** What a message will say of the file that is not known by sending it. */
export type Description = z.infer<typeof Description>;
const Description = z.omit(FileReference, { id: true, key: true, digest: true });

/**
 * Refuses what no message can carry before the upload, not after it: `file.size`, `content.invalid` for a name, type or
 * thumbnail out of bounds, and a `TypeError` for what is no `FileInput`.
 */
export function describeInput(input: FileInput): Description {
  assertInput(input);
  const { name, type: mediaType, thumbnail } = input;
  const size = sizeOf(input.data);
  paddedLength(size);
  const described = { name, mediaType, size, ...(thumbnail !== undefined && { thumbnail }) };
  const { error } = z.safeEncode(Description, described);
  if (error === undefined) return described;
  throw new ClientError('content.invalid', 'not a file that can be sent', { cause: error });
}

/**
 * The bytes of the file, from the beginning. Each piece is good until the next one is asked for. Throws the reason of `ended`,
 * also while it waits for them.
 */
export async function* openInput(
  { data }: FileInput,
  ended: AbortSignal,
): AsyncGenerator<Uint8Array> {
  if (data instanceof Uint8Array) yield* piecesOf(data, ended);
  else if (data instanceof Blob) yield* freeingSpent(chunksOf(data.stream(), ended));
  else yield* chunksOf(data.stream, ended);
}

async function* piecesOf(data: Uint8Array, ended: AbortSignal): AsyncGenerator<Uint8Array> {
  const stretch = beginStretch();
  for (let at = 0; at < data.length; at += PIECE_BYTES) {
    await stretch.rest();
    ended.throwIfAborted();
    yield data.subarray(at, at + PIECE_BYTES);
  }
}

/** Whether it can be opened again. */
export function isRepeatable({ data }: FileInput): boolean {
  return data instanceof Blob || data instanceof Uint8Array;
}

function sizeOf(data: FileInput['data']): number {
  return data instanceof Uint8Array ? data.length : data.size;
}

/** For applications without types: what is wrong is said in terms of what they called. */
function assertInput(input: unknown): asserts input is FileInput {
  const data = isObject(input) ? input.data : undefined;
  if (data instanceof Blob || data instanceof Uint8Array) return;
  const isStream = isObject(data) && data.stream instanceof ReadableStream;
  if (isStream && typeof data.size === 'number') return;
  throw new TypeError(
    'a file is { name, type, data }, with data a Uint8Array, a Blob or { stream, size }',
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
