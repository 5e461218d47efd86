/**
 * Storing a file: a pending row first, then the blob, then the row is made visible.
 *
 * A process may die between any two of these: what it leaves is a pending row, which the sweeper finds, and through it
 * the blob. Nothing can be read before the last step.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { UserId } from '@sotto/api';
import type { FileInfo } from '@sotto/api/files';
import { type Blobs, toApiError } from '@sotto/runtime';
import { meterBody } from './body-meter.ts';
import { discard } from './deletions.ts';
import type { Events } from './events.ts';
import { SETTLE_ATTEMPTS_MAX, SETTLE_PAUSE_MS } from './limits.ts';
import { type ReservationDeps, reserve } from './reservations.ts';
import { settle } from './store.ts';

export interface UploadDeps extends ReservationDeps {
  blobs: Blobs;
  events: Events;
  stallMs: number;
}

export interface Upload {
  owner: UserId;
  body: ReadableStream<Uint8Array>;
  /** Content-Length, when the sender gave one. */
  announced: number | undefined;
  /** When the file is deleted. */
  expiresAt?: Date | undefined;
}

/**
 * Stores a body whole or not at all. Throws what `reserve` throws, `request.timeout`, `request.malformed` when the body
 * breaks off, `service.unavailable`.
 */
export async function upload(
  deps: UploadDeps,
  { owner, body, announced, expiresAt }: Upload,
): Promise<FileInfo> {
  const file = await reserve(deps, { owner, announced, expiresAt });
  const { size: bytesMax, exceeded } = file;
  const metered = meterBody(body, { bytesMax, exceeded, stallMs: deps.stallMs });
  try {
    const size = await deps.blobs.put(file.blobKey, metered.stream, owner);
    if (size !== metered.size()) throw new Error('the store kept another number of bytes');
    const sha256 = metered.sha256();
    const createdAt = await settlePatiently(deps, { id: file.id, size, sha256 });
    if (createdAt === undefined) throw new Error('an upload outlived its row');
    deps.events.stored(size);
    return {
      ...{ id: file.id, size, sha256, createdAt: createdAt.toISOString() },
      ...(expiresAt !== undefined && { expiresAt: expiresAt.toISOString() }),
    };
  } catch (error) {
    // Nothing stays but what was brought of the day's bytes.
    await discard(deps, file, Math.max(0, file.size - metered.size()));
    throw error;
  }
}

/** All has come, and its sender waited for it: a database that does not answer for a moment is asked again. */
async function settlePatiently(
  { query }: UploadDeps,
  file: Parameters<typeof settle>[1],
): Promise<Date | undefined> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await settle(query, file);
    } catch (error) {
      if (attempt === SETTLE_ATTEMPTS_MAX || !isAway(error)) throw error;
      await sleep(SETTLE_PAUSE_MS);
    }
  }
}

function isAway(error: unknown): boolean {
  return toApiError(error).code === 'service.unavailable';
}
