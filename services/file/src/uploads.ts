/**
 * Storing a file: a pending row first, then the blob, then the row is made visible.
 *
 * A process may die between any two of these: what it leaves is a pending row, which the sweeper finds, and through it
 * the blob. Nothing can be read before the last step.
 */
import { randomUUID } from 'node:crypto';
import { ApiError, FILE_BYTES_MAX, FileId, type FileInfo, type UserId } from '@sotto/api';
import type { Blobs } from '@sotto/runtime';
import type { Kysely } from 'kysely';
import { meterBody } from './body-meter.ts';
import { discard } from './deletions.ts';
import { isErased } from './erasure-store.ts';
import type { Events } from './events.ts';
import { FILE_CHARGE_BYTES_MIN } from './limits.ts';
import { insertUpload } from './resumable-store.ts';
import type { FileTables } from './schema.ts';
import { chargeOf, insertPending, lockUsage, settle } from './store.ts';

export interface UploadDeps {
  query: Kysely<FileTables>;
  blobs: Blobs;
  events: Events;
  /** Bytes that one user may store. */
  quotaBytes: number;
  stallMs: number;
}

export interface Upload {
  owner: UserId;
  body: ReadableStream<Uint8Array>;
  /** Content-Length, when the sender gave one. */
  announced: number | undefined;
}

/**
 * Stores a body whole or not at all. Throws `request.too-large`, `file.quota`, `request.timeout`, `request.malformed`
 * when the body breaks off, `service.unavailable`.
 */
export async function upload(
  deps: UploadDeps,
  { owner, body, announced }: Upload,
): Promise<FileInfo> {
  if (announced !== undefined && announced > FILE_BYTES_MAX) throw tooLarge();
  const file = await reserve(deps, { owner, announced });
  const metered = meterBody(body, {
    bytesMax: file.size,
    exceeded: () => overrun(file, announced),
    stallMs: deps.stallMs,
  });
  try {
    const size = await deps.blobs.put(file.blobKey, metered.stream);
    if (size !== metered.size()) throw new Error('the store kept another number of bytes');
    const sha256 = metered.sha256();
    const createdAt = await settle(deps.query, { id: file.id, size, sha256 });
    if (createdAt === undefined) throw new Error('an upload outlived its row');
    deps.events.stored(size);
    return { id: file.id, size, sha256, createdAt: createdAt.toISOString() };
  } catch (error) {
    await discard(deps, file);
    throw error;
  }
}

/** What room is wanted for. */
export interface Wanted {
  owner: UserId;
  /** How much it will be, when that is known. */
  announced: number | undefined;
  /** Of a resumable upload: when it is given up. */
  until?: Date;
  /** When the file is deleted. */
  expiresAt?: Date | undefined;
}

interface Reservation {
  id: FileId;
  blobKey: string;
  /** What the file may have at most. */
  size: number;
}

/** Takes from the quota before a byte is stored, so that parallel uploads cannot exceed it together. Throws `file.quota`. */
export function reserve(
  { query, quotaBytes }: Pick<UploadDeps, 'query' | 'quotaBytes'>,
  { owner, announced, until, expiresAt }: Wanted,
): Promise<Reservation> {
  return query.transaction().execute(async (transaction) => {
    const left = quotaBytes - (await lockUsage(transaction, owner));
    // The account is deleted, and news of its ended session has yet to come.
    if (await isErased(transaction, owner)) throw new ApiError('auth.token-invalid');
    if (chargeOf(announced ?? 0) > left) throw overQuota(Math.max(0, left));
    const size = announced ?? Math.min(FILE_BYTES_MAX, left);
    const reservation = { id: FileId.parse(randomUUID()), blobKey: randomUUID(), size };
    await insertPending(transaction, { ...reservation, owner, expiresAt });
    if (until !== undefined) await insertUpload(transaction, { file: reservation.id, until });
    return reservation;
  });
}

/** What one byte more than the reservation means. */
function overrun({ size }: Reservation, announced: number | undefined): ApiError {
  if (announced !== undefined) {
    return new ApiError('request.malformed', { detail: 'the body is longer than announced' });
  }
  return size < FILE_BYTES_MAX ? overQuota(size) : tooLarge();
}

function tooLarge(): ApiError {
  return new ApiError('request.too-large', { detail: `at most ${FILE_BYTES_MAX} bytes` });
}

function overQuota(left: number): ApiError {
  return new ApiError('file.quota', {
    detail: `${left} bytes are left, and a file takes ${FILE_CHARGE_BYTES_MIN} at least`,
  });
}
