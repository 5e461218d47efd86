/**
 * An archive as a file: a head that says what it is and how its key follows from the recovery key, and its records,
 * padded and encrypted as one file (`file-stream.ts` of `@sotto/crypto`) that authenticates the head too.
 */
import { BACKUP_SALT_BYTES, backupKeysOf, CryptoError, type Provider } from '@sotto/crypto';
import { decryptFileStream, encryptFileStream, type FileSecret } from '@sotto/crypto/files';
import { sameBytes } from '../account/records.ts';
import { ClientError } from '../errors.ts';
import { sizeClass, ZEROS_BYTES } from '../files/file-padding.ts';
import { chunksOf, streamOf } from '../files/stream-of.ts';
import type { StoreEntry } from '../store/store.ts';
import { ARCHIVE_END, encodeEntry, readEntries } from './archive-entries.ts';

const VERSION = 1;
const MAGIC = new TextEncoder().encode('sotto-backup');
const SALT_AT = MAGIC.length + 1;
const CHECK_AT = SALT_AT + BACKUP_SALT_BYTES;
const HEAD_BYTES = CHECK_AT + 32;

/** Records, encrypted under a recovery key. Fails as reading the records does, and reads them only as far as it is read. */
export function sealBackup(
  provider: Provider,
  recoveryKey: Uint8Array,
  records: AsyncIterable<StoreEntry>,
): ReadableStream<Uint8Array> {
  const salt = provider.randomBytes(BACKUP_SALT_BYTES);
  const { fileKey: key, check } = backupKeysOf(provider, recoveryKey, salt);
  const head = new Uint8Array(HEAD_BYTES);
  head.set(MAGIC);
  head[MAGIC.length] = VERSION;
  head.set(salt, SALT_AT);
  head.set(check, CHECK_AT);
  return streamOf(withHead(head, sealRecords(provider, { key, context: head }, records)));
}

async function* withHead(head: Uint8Array, body: ReadableStream<Uint8Array>) {
  yield head;
  yield* chunksOf(body);
}

/** Records, padded and encrypted as one file. */
export function sealRecords(
  provider: Provider,
  secret: FileSecret,
  records: AsyncIterable<StoreEntry>,
): ReadableStream<Uint8Array> {
  return streamOf(paddedRecords(records)).pipeThrough(encryptFileStream(provider, secret));
}

/** So that whoever holds the file learns its length to 5 %. */
async function* paddedRecords(records: AsyncIterable<StoreEntry>): AsyncGenerator<Uint8Array> {
  let length = ARCHIVE_END.length;
  for await (const record of records) {
    const bytes = encodeEntry(record);
    length += bytes.length;
    yield bytes;
  }
  yield ARCHIVE_END;
  for (let left = sizeClass(length) - length; left > 0; left -= ZEROS_BYTES) {
    yield new Uint8Array(Math.min(left, ZEROS_BYTES));
  }
}

/** An archive that the right words have opened. */
export interface OpenBackup {
  /**
   * Its records from the first one on. Each is authentic as it comes; that none is missing is known at the end. Throws
   * `backup.damaged`, and what reading the file throws.
   */
  records(): AsyncGenerator<StoreEntry, void>;
}

/**
 * Opens a backup with a recovery key. Throws `backup.damaged` for what is none, `backup.unsupported` for one of another
 * version, and `backup.words-wrong` when it belongs to another recovery key.
 */
export async function openBackup(
  provider: Provider,
  recoveryKey: Uint8Array,
  backup: Blob,
): Promise<OpenBackup> {
  const head = new Uint8Array(await backup.slice(0, HEAD_BYTES).arrayBuffer());
  const isOne = sameBytes(head.subarray(0, MAGIC.length), MAGIC) && head.length > MAGIC.length;
  if (!isOne) throw damaged('this is no backup');
  if (head[MAGIC.length] !== VERSION) {
    throw new ClientError('backup.unsupported', 'the backup is of another release');
  }
  if (head.length !== HEAD_BYTES) throw damaged('the backup is cut off');
  const salt = head.slice(SALT_AT, CHECK_AT);
  const { fileKey: key, check } = backupKeysOf(provider, recoveryKey, salt);
  if (!sameBytes(check, head.subarray(CHECK_AT))) {
    throw new ClientError('backup.words-wrong', 'the words are not those of this backup');
  }
  const body = backup.slice(HEAD_BYTES);
  return { records: () => openRecords(provider, { key, context: head }, body.stream()) };
}

/** The records of what {@link sealRecords} gives. Throws `backup.damaged`, and what the stream fails with. */
export async function* openRecords(
  provider: Provider,
  secret: FileSecret,
  sealed: ReadableStream<Uint8Array>,
): AsyncGenerator<StoreEntry, void> {
  try {
    yield* readEntries(chunksOf(sealed.pipeThrough(decryptFileStream(provider, secret))));
  } catch (error) {
    if (!(error instanceof CryptoError) || error.code !== 'file.undecryptable') throw error;
    throw damaged('the backup is not as it was written', error);
  }
}

function damaged(message: string, cause?: unknown): ClientError {
  return new ClientError('backup.damaged', message, { cause });
}
