/**
 * Room for a file, taken before its first byte is stored, so that uploads at the same time cannot exceed a limit
 * together: of what an owner may have stored, and of what an owner may bring in a day.
 */
import { randomUUID } from 'node:crypto';
import { ApiError, FILE_BYTES_MAX, FileId, type UserId } from '@sotto/api';
import type { Clock } from '@sotto/runtime';
import type { Kysely, Transaction } from 'kysely';
import { isErased } from './erasure-store.ts';
import { FILE_CHARGE_BYTES_MIN } from './limits.ts';
import { insertUpload } from './resumable-store.ts';
import type { FileTables } from './schema.ts';
import { chargeOf, insertPending, lockUsage } from './store.ts';
import { readToday, takeFromToday } from './usage-days-store.ts';

export interface ReservationDeps {
  query: Kysely<FileTables>;
  clock: Clock;
  /** Bytes that one user may have stored. */
  quotaBytes: number;
  /** Bytes that one user may bring in a day of UTC, those of uploads that were given up among them. */
  dailyBytes: number;
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

export interface Reservation {
  id: FileId;
  blobKey: string;
  /** What the file may have at most. */
  size: number;
  /** What one byte more means. */
  exceeded: () => ApiError;
}

/**
 * Takes as much as was announced, or as much as a file may have at all. Throws `request.too-large`, `file.quota`,
 * `file.daily-limit`, `request.invalid` for a file that would end before it is there, `auth.token-invalid`.
 */
export function reserve(deps: ReservationDeps, wanted: Wanted): Promise<Reservation> {
  const { owner, announced, until, expiresAt } = wanted;
  if (announced !== undefined && announced > FILE_BYTES_MAX) throw tooLarge();
  if (expiresAt !== undefined && expiresAt.getTime() <= deps.clock()) {
    throw new ApiError('request.invalid', { fields: ['expiresAt'], detail: 'this is past' });
  }
  return deps.query.transaction().execute(async (transaction) => {
    const left = await findRoom(transaction, deps, owner);
    // The account is deleted, and news of its ended session has yet to come.
    if (await isErased(transaction, owner)) throw new ApiError('auth.token-invalid');
    const { size, exceeded } = allot(left, announced);
    const id = FileId.parse(randomUUID());
    const blobKey = randomUUID();
    await insertPending(transaction, { id, blobKey, owner, size, expiresAt });
    await takeFromToday(transaction, owner, size);
    if (until !== undefined) await insertUpload(transaction, { file: id, until });
    return { id, blobKey, size, exceeded };
  });
}

interface Room {
  quota: number;
  day: number;
  secondsLeft: number;
}

async function findRoom(
  transaction: Transaction<FileTables>,
  { quotaBytes, dailyBytes }: ReservationDeps,
  owner: UserId,
): Promise<Room> {
  const quota = Math.max(0, quotaBytes - (await lockUsage(transaction, owner)));
  const { bytes, secondsLeft } = await readToday(transaction, owner);
  return { quota, day: Math.max(0, dailyBytes - bytes), secondsLeft };
}

/** The quota before the day: to wait helps against the one only. */
function allot(room: Room, announced: number | undefined): Pick<Reservation, 'size' | 'exceeded'> {
  const { quota, day } = room;
  if (chargeOf(announced ?? 0) > quota) throw overQuota(room);
  if ((announced ?? 1) > day) throw overDay(room);
  if (announced !== undefined) return { size: announced, exceeded: longerThanAnnounced };
  const size = Math.min(FILE_BYTES_MAX, quota, day);
  if (size === FILE_BYTES_MAX) return { size, exceeded: tooLarge };
  return { size, exceeded: () => (size === quota ? overQuota(room) : overDay(room)) };
}

function longerThanAnnounced(): ApiError {
  return new ApiError('request.malformed', { detail: 'the body is longer than announced' });
}

function tooLarge(): ApiError {
  return new ApiError('request.too-large', { detail: `at most ${FILE_BYTES_MAX} bytes` });
}

function overQuota(room: Room): ApiError {
  const detail = `a file takes ${FILE_CHARGE_BYTES_MIN} bytes at least`;
  return new ApiError('file.quota', { detail, bytesLeft: bytesLeft(room) });
}

function overDay(room: Room): ApiError {
  const { secondsLeft: retryAfter } = room;
  return new ApiError('file.daily-limit', { retryAfter, bytesLeft: bytesLeft(room) });
}

/** What the largest file may have that would be taken now. */
function bytesLeft({ quota, day }: Room): number {
  return quota < FILE_CHARGE_BYTES_MIN ? 0 : Math.min(quota, day);
}
