/** Files: encrypted under a key of their own and padded on the way out; checked on the way in. Nothing is held whole. */
import { type ConversationId, downloadFile, grantFile, uploadFile } from '@sotto/api';
import { decryptFileStream, encryptFileStream, makeFileKey, type Provider } from '@sotto/crypto';
import { z } from 'zod';
import type { Call } from './call.ts';
import { FileReference } from './content.ts';
import { ClientError } from './errors.ts';
import { padStream, unpadStream } from './padded-stream.ts';
import type { Message } from './records.ts';

export interface FileDeps {
  readonly provider: Provider;
  readonly call: Call;
}

/** A file to send. A `Blob` may lie on a disk (`openAsBlob` in Node, `File` in browsers): it is read as it is sent. */
export interface FileInput {
  readonly name: string;
  /** Media type, such as `image/png`. */
  readonly type: string;
  readonly data: Uint8Array | Blob | { stream: ReadableStream<Uint8Array>; size: number };
}

/** A received file. What `stream` gives is authenticated piece by piece, and whole once it ends without an error. */
export interface OpenedFile {
  readonly name: string;
  readonly type: string;
  readonly size: number;
  readonly stream: ReadableStream<Uint8Array>;
}

/** A key belongs to one file only, so there is nothing else to bind it to. */
const NO_CONTEXT = new Uint8Array();

/**
 * Encrypts and uploads a file, and lets the members of a conversation read it. The reference then travels in a
 * message. Throws `file.size`, `content.invalid` for a name or type out of bounds, a `TypeError` for what is no
 * `FileInput`, and what calls throw.
 */
export async function storeFile(
  { provider, call }: FileDeps,
  conversation: ConversationId,
  input: FileInput,
): Promise<FileReference> {
  assertInput(input);
  const { name, type: mediaType, data } = input;
  const { stream, size } = open(data);
  const key = makeFileKey(provider);
  assertDescription({ name, mediaType, size, key });
  const ciphertext = stream
    .pipeThrough(padStream(size))
    .pipeThrough(encryptFileStream(provider, { key, context: NO_CONTEXT }));
  const { id } = await call(uploadFile, { body: ciphertext });
  await call(grantFile, { params: { id }, body: { conversation } });
  return { id, key, name, mediaType, size };
}

/** Opens the file of a message. Throws `message.no-file` when it holds none, and what calls throw. */
export async function fetchFile(
  { provider, call }: FileDeps,
  { content }: Message,
): Promise<OpenedFile> {
  if (content.type !== 'file') throw new ClientError('message.no-file', 'the message has no file');
  const { id, key, name, mediaType, size } = content.file;
  const ciphertext = await call(downloadFile, { params: { id } });
  const secret = { key, context: NO_CONTEXT };
  const padded = ciphertext.pipeThrough(decryptFileStream(provider, secret));
  return { name, type: mediaType, size, stream: unpadStream(padded, size) };
}

function open(data: FileInput['data']): { stream: ReadableStream<Uint8Array>; size: number } {
  if (data instanceof Blob) return { stream: data.stream(), size: data.size };
  if (!(data instanceof Uint8Array)) return data;
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(data);
      controller.close();
    },
  });
  return { stream, size: data.length };
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

const Description = FileReference.omit({ id: true });

/** What no message can carry is refused before the upload, not after it. */
function assertDescription(described: z.infer<typeof Description>): void {
  const { error } = z.safeEncode(Description, described);
  if (error)
    throw new ClientError('content.invalid', 'not a file that can be sent', { cause: error });
}
