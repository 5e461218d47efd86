/**
 * Recent history, handed to a device that is being linked: a file that the platform holds for a day, encrypted under a key
 * that travels in the answer to the new device's code, and so to that device alone.
 */
import { Timestamp } from '@sotto/api';
import { deleteFile, getFileInfo, uploadFile } from '@sotto/api/files';
import type { Provider } from '@sotto/crypto';
import { makeFileKey } from '@sotto/crypto/files';
import { openRecords, sealRecords } from '../backup/archive-file.ts';
import { checkRecord, putIfNew, recentRecords } from '../backup/history-archive.ts';
import type { Call } from '../connection/call.ts';
import { ClientError } from '../errors.ts';
import { Attempts } from '../files/file-attempts.ts';
import { ciphertextReader } from '../files/file-download.ts';
import { assertSame, NO_CONTEXT } from '../files/file-upload-job.ts';
import { chunksOf } from '../files/stream-of.ts';
import {
  GIVE_UP_MS_MAX,
  LINK_HISTORY_KEPT_MS,
  RESTORED_PER_COMMIT,
  WHOLE_UPLOAD_BYTES_MAX,
  WHOLE_UPLOAD_MS_MAX,
} from '../limits.ts';
import type { Store, StoreEntry } from '../store/store.ts';
import { type HistoryReference, sameBytes } from './records.ts';

export interface HistoryDeps {
  readonly store: Store;
  readonly provider: Provider;
  readonly call: Call;
  readonly clock: () => number;
  /** Ends everything when the client closes. */
  readonly signal: AbortSignal;
}

/** Puts the recent history where another device can fetch it. Throws `file.damaged`, and what calls throw. */
export async function leaveHistory(deps: HistoryDeps): Promise<HistoryReference> {
  const { store, provider, call, clock } = deps;
  const key = makeFileKey(provider);
  const records = recentRecords(store, clock());
  const sealed = sealRecords(provider, { key, context: NO_CONTEXT }, records);
  const body = await bytesOf(await collect(chunksOf(sealed)));
  const digest = provider.sha256(body);
  const until = new Date(clock() + LINK_HISTORY_KEPT_MS);
  const input = { body, query: { expiresAt: Timestamp.parse(until.toISOString()) } };
  const options = { signal: deps.signal, deadlineMs: WHOLE_UPLOAD_MS_MAX };
  const info = await attempts(deps).run(() => call(uploadFile, input, options));
  assertSame(info, { size: body.length, sha256: digest });
  return { file: info.id, key, digest };
}

/**
 * Takes that history into the store, and has the platform forget it. What the store has already stays as it is. Safe to
 * repeat. Throws `file.damaged` when something else lies there, and what calls throw.
 */
export async function takeHistory(deps: HistoryDeps, reference: HistoryReference): Promise<void> {
  const { store, provider, call, signal } = deps;
  const { file: id, key } = reference;
  const ciphertext = await fetchFile(deps, reference);
  let batch: StoreEntry[] = [];
  const write = () =>
    store.transaction(async (transaction) => {
      for (const record of batch) await putIfNew(transaction, record);
    });
  const secret = { key, context: NO_CONTEXT };
  for await (const record of openRecords(provider, secret, ciphertext.stream())) {
    checkRecord(record, 'history');
    batch.push(record);
    if (batch.length < RESTORED_PER_COMMIT) continue;
    await write();
    batch = [];
  }
  await write();
  // It runs out by itself, too.
  const options = { signal, deadlineMs: GIVE_UP_MS_MAX };
  await call(deleteFile, { params: { id } }, options).catch(() => {});
}

async function fetchFile(deps: HistoryDeps, { file: id, digest }: HistoryReference): Promise<Blob> {
  const { call, provider, signal } = deps;
  const info = await attempts(deps).run(() => call(getFileInfo, { params: { id } }, { signal }));
  if (info.size > WHOLE_UPLOAD_BYTES_MAX) throw damaged();
  const read = ciphertextReader(transferOf(deps), { id, length: info.size, signal });
  const ciphertext = await collect(read({ start: 0, end: info.size }));
  if (!sameBytes(provider.sha256(await bytesOf(ciphertext)), digest)) throw damaged();
  return ciphertext;
}

async function collect(pieces: AsyncIterable<Uint8Array>): Promise<Blob> {
  return new Blob(await Array.fromAsync(pieces, (piece) => piece.slice()));
}

async function bytesOf(blob: Blob): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await blob.arrayBuffer());
}

function attempts(deps: HistoryDeps): Attempts {
  return new Attempts(transferOf(deps), deps.signal);
}

function transferOf({ call, signal: closing }: HistoryDeps) {
  return { call, random: Math.random, closing };
}

function damaged(): ClientError {
  return new ClientError(
    'file.damaged',
    'the platform has something else than what was left there',
  );
}
