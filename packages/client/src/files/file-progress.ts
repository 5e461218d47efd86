/**
 * What is known of an upload that is under way, so that it goes on after a crash when the same file is sent again.
 *
 * Going on means encrypting under the same key and salt again, which must never happen to another file. So each piece is
 * noted, with the digest of the ciphertext up to its end, before a byte of it leaves; and an upload goes on only if the
 * file encrypts to a ciphertext that begins with just that. What has left this device is a prefix of it, then.
 */
import { bytesOf, type ConversationId, encodeBase64url, FileId } from '@sotto/api';
import type { Provider } from '@sotto/crypto';
import * as z from 'zod/mini';
import { STORE_PAGE, UPLOAD_KEPT_MS } from '../limits.ts';
import { keys } from '../store/key-space.ts';
import type { StoreTransaction } from '../store/store.ts';
import { decodeRecord } from '../store/stored-record.ts';
import type { FileInput } from './file-input.ts';

/** An upload, and how much of it may have left this device. */
export const UploadRecord = z.object({
  upload: FileId,
  key: bytesOf(32),
  salt: bytesOf(24),
  /** The end of the piece that was noted last, in bytes of ciphertext. */
  noted: z.int().check(z.minimum(0)),
  /** SHA-256 of the ciphertext up to there. */
  digest: bytesOf(32),
  /** By this machine's clock, in milliseconds. */
  begunAt: z.number(),
});
export type UploadRecord = z.infer<typeof UploadRecord>;

/** The store key for a file on its way to a conversation: the same for what looks like the same file. */
export function uploadKey(
  provider: Provider,
  conversation: ConversationId,
  { name, type, data }: FileInput,
): string {
  const size = data instanceof Uint8Array ? data.length : data.size;
  const changedAt = 'lastModified' in data ? data.lastModified : null;
  const told = new TextEncoder().encode(JSON.stringify([name, type, size, changedAt]));
  return keys.fileUpload(conversation, encodeBase64url(provider.sha256(told)));
}

/** Forgets uploads that no platform knows any more; some at a time. */
export async function dropOldUploads(transaction: StoreTransaction, now: number): Promise<void> {
  const page = await transaction.list({ prefix: keys.fileUploads, limit: STORE_PAGE });
  for (const { key, value } of page) {
    if (decodeRecord(UploadRecord, value).begunAt + UPLOAD_KEPT_MS < now)
      await transaction.delete(key);
  }
}
