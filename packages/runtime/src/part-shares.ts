/**
 * What there is to give out of the memory for parts, and what may be given.
 *
 * It has two shares, so that small bodies do not wait for large ones: one for what each part begins with, one for all
 * that it grows to. Of the second share memory is given only while one of those who have some could still fill its part
 * with what would be left (the banker's algorithm; all parts are of one size), so they can never wait for each other.
 */
import { BLOB_PART_BYTES } from './limits.ts';

/** Bytes out of either share. */
export interface Shares {
  /** Of parts that have no more than the first step. */
  first: number;
  more: number;
}

/** What a part holds. */
export interface Holding {
  readonly memory: Uint8Array;
  /** It grows no more, and gives back soon what it has. */
  readonly isFinished: boolean;
}

/** What a part begins with. */
export const FIRST = 64 * 1024;

/** What a part's memory grows through, by a copy each time. */
export const STEPS = [
  FIRST,
  256 * 1024,
  1024 * 1024,
  BLOB_PART_BYTES / 2,
  BLOB_PART_BYTES,
] as const;

/** An eighth of all is for parts that have just begun: 192 of them by default. */
const FIRST_SHARE = 8;

/** A quarter of either share is the most for one owner: 4 whole parts by default, and 48 that have just begun. */
const OWNER_SHARE = 4;

/** The shares of so much memory. Throws a RangeError when it is less than one part needs. */
export function sharesOf(bytesMax: number): Shares {
  const first = Math.max(FIRST, bytesMax / FIRST_SHARE);
  const more = bytesMax - first;
  if (more < BLOB_PART_BYTES) throw new RangeError('there must be memory for one part');
  return { first, more };
}

/** The most that one owner may have of them: enough for one part at least. */
export function ownerSharesOf({ first, more }: Shares): Shares {
  return {
    first: Math.max(FIRST, first / OWNER_SHARE),
    more: Math.max(BLOB_PART_BYTES, more / OWNER_SHARE),
  };
}

/** Whether one of the parts could still be filled, were this one given so much in place of what it has. */
export function isSafe(
  parts: Iterable<Holding>,
  max: Shares,
  { part, bytes }: { part: Holding; bytes: number },
): boolean {
  const used = usedOf(parts);
  if (bytes === FIRST) return used.first + FIRST <= max.first;
  let left = max.more - used.more - (bytes - moreIn(part.memory));
  if (left < 0) return false;
  let needed = BLOB_PART_BYTES - bytes;
  for (const { memory, isFinished } of parts) {
    if (isFinished) left += moreIn(memory);
    else needed = Math.min(needed, BLOB_PART_BYTES - moreIn(memory));
  }
  return needed <= left;
}

/** Of a part's memory, what is not from the share of small bodies. */
export function moreIn({ byteLength }: Uint8Array): number {
  return byteLength === FIRST ? 0 : byteLength;
}

function usedOf(parts: Iterable<Holding>): Shares {
  const used = { first: 0, more: 0 };
  for (const { memory } of parts) {
    used.first += memory.byteLength - moreIn(memory);
    used.more += moreIn(memory);
  }
  return used;
}
