/** One file that is to be uploaded, and what its upload in one request and in pieces have in common. */
import type { ConversationId, FileId } from '@sotto/api';
import type { Provider } from '@sotto/crypto';
import { makeFileKey, makeFileSalt } from '@sotto/crypto/files';
import { sameBytes } from '../account/records.ts';
import { ClientError } from '../errors.ts';
import type { Store } from '../store/store.ts';
import type { TransferDeps } from './file-attempts.ts';
import type { FileInput } from './file-input.ts';
import type { Lengths } from './file-lengths.ts';
import type { Seal } from './file-sealing.ts';

export interface UploadDeps extends TransferDeps {
  readonly provider: Provider;
  readonly store: Store;
  readonly clock: () => number;
}

/** How far a transfer has come, in bytes of what travels: padded and encrypted. */
export interface TransferProgress {
  readonly done: number;
  readonly total: number;
}

/** One file to be uploaded. */
export interface UploadJob {
  readonly input: FileInput;
  readonly conversation: ConversationId;
  readonly lengths: Lengths;
  /** Where what is known of the upload is kept in the store; left out for what cannot be gone on with. */
  readonly storeKey: string | undefined;
  readonly onProgress?: ((progress: TransferProgress) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly pausable?: boolean | undefined;
}

/** Whether somebody has given the file up, and does not go on with it later. */
export function isGivenUp({ signal, pausable = false }: UploadJob): boolean {
  return signal?.aborted === true && !pausable;
}

/** What the platform has by then. */
export interface UploadedFile {
  readonly id: FileId;
  readonly key: Uint8Array;
  /** SHA-256 of the ciphertext. */
  readonly digest: Uint8Array;
}

/** A key belongs to one file only, so there is nothing else to bind it to. */
export const NO_CONTEXT = new Uint8Array();

/** What encrypts a file that was never sent before. */
export function makeSeal({ provider }: UploadDeps): Seal {
  const secret = { key: makeFileKey(provider), context: NO_CONTEXT };
  return { secret, salt: makeFileSalt(provider) };
}

/** Tells the application how far it is. */
export function report({ lengths, onProgress }: UploadJob, done: number): void {
  onProgress?.({ done, total: lengths.ciphertext });
}

interface Stored {
  readonly size: number;
  readonly sha256: Uint8Array;
}

/** What the platform says that it has is nothing but what was sent, or `file.damaged` is thrown. */
export function assertSame(info: Stored, sent: Stored): void {
  if (info.size === sent.size && sameBytes(info.sha256, sent.sha256)) return;
  throw new ClientError('file.damaged', 'the platform has stored other bytes than were sent');
}
