/** Files: encrypted under a key of their own and padded on the way out; checked on the way in. Nothing is held whole. */
import type { ConversationId } from '@sotto/api';
import { getFileInfo } from '@sotto/api/files';
import type { ByteRange } from '@sotto/crypto/files';
import { sameBytes } from '../account/records.ts';
import { ClientError } from '../errors.ts';
import { WHOLE_UPLOAD_BYTES_MAX } from '../limits.ts';
import type { Message } from '../messages/history-item.ts';
import type { HeadingOptions } from '../messages/message-heading.ts';
import type { StoreTransaction } from '../store/store.ts';
import { ciphertextReader, openRanges, openWhole } from './file-download.ts';
import { type Description, describeInput, type FileInput, isRepeatable } from './file-input.ts';
import { lengthsOf, lengthsOfSent } from './file-lengths.ts';
import { dropOldUploads, uploadKey } from './file-progress.ts';
import type { FileReference, Thumbnail } from './file-reference.ts';
import { upload } from './file-upload.ts';
import {
  NO_CONTEXT,
  type TransferProgress,
  type UploadDeps,
  type UploadedFile,
} from './file-upload-job.ts';

/** How a file is sent. */
export interface SendFileOptions extends HeadingOptions {
  /** Called as the file gets through, with at least the beginning and the end. */
  readonly onProgress?: (progress: TransferProgress) => void;
  /** Gives the file up, on the platform too. */
  readonly signal?: AbortSignal;
  /**
   * The signal interrupts only: what has got through of a long file stays on the platform for some hours, and sending the
   * same file again goes on from there.
   */
  readonly pausable?: boolean;
}

/** How a file is opened. */
export interface OpenFileOptions {
  /** Ends everything that is read of it. */
  readonly signal?: AbortSignal;
}

/** A received file. */
export interface OpenedFile {
  /** As the sender calls it: never a path. */
  readonly name: string;
  readonly type: string;
  readonly size: number;
  readonly thumbnail?: Thumbnail;
  /**
   * The file from its beginning, fetched as it is read and gone on with when the connection breaks. Each piece is
   * authentic to somebody who has the key, which all members have; that it is the file that the sender meant, and whole,
   * is known once it ends without an error.
   */
  readonly stream: ReadableStream<Uint8Array>;
  /** Any part of it, `start` included and `end` not, authentic as a piece is. Rejects with a `RangeError` outside the file. */
  read(range: ByteRange): Promise<Uint8Array>;
}

/** A file that the platform has, before any message names it. */
export interface StoredFile {
  readonly reference: FileReference;
  /** To be called in the transaction that keeps the reference: until then, sending the file again goes on. */
  settle(transaction: StoreTransaction): Promise<void>;
}

export interface Files {
  /**
   * Encrypts and uploads a file for the members of a conversation. Throws as `upload` and `describeInput` do.
   */
  store(
    conversation: ConversationId,
    input: FileInput,
    options: SendFileOptions,
  ): Promise<StoredFile>;
  /**
   * Opens the file of a message. Throws `message.no-file` when it holds none, `file.damaged` when the platform has
   * another one in its place, and what calls throw.
   */
  open(message: Pick<Message, 'content'>, options: OpenFileOptions): Promise<OpenedFile>;
}

/** The files of one client. */
export function createFiles(deps: UploadDeps): Files {
  /** Records of the store that an upload is at work on: the same file sent twice at once has one each. */
  const taken = new Set<string>();
  return {
    async store(conversation, input, options) {
      const described = describeInput(input);
      options.signal?.throwIfAborted();
      const lengths = lengthsOf(described.size);
      const isLong = lengths.ciphertext > WHOLE_UPLOAD_BYTES_MAX;
      const key = uploadKey(deps.provider, conversation, input);
      const storeKey = isLong && isRepeatable(input) && !taken.has(key) ? key : undefined;
      const job = { ...options, input, conversation, lengths, storeKey };
      if (storeKey === undefined) return stored(described, await upload(deps, job));
      taken.add(storeKey);
      try {
        await deps.store.transaction((it) => dropOldUploads(it, deps.clock()));
        return stored(described, await upload(deps, job), storeKey);
      } finally {
        taken.delete(storeKey);
      }
    },
    open: (message, options) => open(deps, message, options),
  };
}

function stored(described: Description, file: UploadedFile, storeKey?: string): StoredFile {
  return {
    reference: { ...described, ...file },
    async settle(transaction) {
      if (storeKey !== undefined) await transaction.delete(storeKey);
    },
  };
}

async function open(
  deps: UploadDeps,
  { content }: Pick<Message, 'content'>,
  options: OpenFileOptions,
): Promise<OpenedFile> {
  if (content.type === 'file') return openReference(deps, content.file, options);
  throw new ClientError('message.no-file', 'the message has no file');
}

/** Opens a file, whatever names it. Throws as `Files.open` does of one that is there. */
export async function openReference(
  deps: UploadDeps,
  file: FileReference,
  { signal }: OpenFileOptions,
): Promise<OpenedFile> {
  const { id, key, name, mediaType: type, size, digest, thumbnail } = file;
  const lengths = lengthsOfSent(file);
  const info = await deps.call(getFileInfo, { params: { id } }, { signal });
  const isSame = digest === undefined || sameBytes(info.sha256, digest);
  if (!isSame || info.size !== lengths.ciphertext)
    throw new ClientError('file.damaged', 'the platform has another file in its place');
  const sealed = { secret: { key, context: NO_CONTEXT }, lengths, digest };
  const read = ciphertextReader(deps, { id, length: lengths.ciphertext, signal });
  return {
    ...{ name, type, size, ...(thumbnail !== undefined && { thumbnail }) },
    stream: openWhole(deps.provider, read, sealed),
    read: openRanges(deps.provider, read, sealed),
  };
}
