/**
 * How far a resumable upload has come, as values: what the store has of it, and what each step makes of that.
 *
 * The store has whole parts, and behind the last of them pieces: what requests brought that did not fill a part. Once
 * they fill it they are joined to one. So that many small requests cost neither many pieces nor the same bytes over and
 * over, a piece is joined with those before it that are less than twice its size: there are log2(BLOB_PART_BYTES) + 2
 * at most, and whenever a byte is written anew the piece that it was in grows by half, at least.
 */
import { BLOB_PART_BYTES } from '@sotto/runtime';

/** Bytes that make no part yet, in a blob of their own. */
export interface Piece {
  /** Where they lie in the file. */
  start: number;
  size: number;
  blobKey: string;
}

export interface Progress {
  /** Of the file. */
  length: number;
  /** What the store gave for each part that it has. */
  tags: readonly string[];
  /** Behind the last part without a gap, in order. */
  pieces: readonly Piece[];
}

/** What has to be written down to come from one progress to a later one. */
export interface Advance {
  /** Of parts from `firstPart` on. */
  tags: readonly string[];
  firstPart: number;
  added: readonly Piece[];
  removed: readonly Piece[];
}

/** Where the part begins that is not whole yet. */
export function partStart({ length, tags }: Progress): number {
  return Math.min(tags.length * BLOB_PART_BYTES, length);
}

/** How many bytes of the file the store has. */
export function offsetOf(progress: Progress): number {
  const last = progress.pieces.at(-1);
  return last === undefined ? partStart(progress) : last.start + last.size;
}

/** How many bytes the part lacks that is not whole yet; 0 when all are whole. */
export function roomOf(progress: Progress): number {
  return Math.min(partStart(progress) + BLOB_PART_BYTES, progress.length) - offsetOf(progress);
}

/** The store has one part more, with what was in pieces. */
export function withPart(progress: Progress, tag: string): Progress {
  return { ...progress, tags: [...progress.tags, tag], pieces: [] };
}

/** The store has a piece more, or one in place of those that do not begin earlier. */
export function withPiece(progress: Progress, piece: Piece): Progress {
  const kept = progress.pieces.filter(({ start }) => start < piece.start);
  return { ...progress, pieces: [...kept, piece] };
}

/** The pieces that have to be made one: to a part when they fill it, else to a larger piece; often none. */
export function toJoin(progress: Progress): readonly Piece[] {
  const { pieces } = progress;
  if (fillsPart(progress)) return pieces;
  let from = pieces.length;
  let size = 0;
  for (const piece of pieces.toReversed()) {
    if (size > 0 && piece.size >= 2 * size) break;
    size += piece.size;
    from -= 1;
  }
  return pieces.length - from > 1 ? pieces.slice(from) : [];
}

/** True when there are pieces, and all of a part in them. */
export function fillsPart(progress: Progress): boolean {
  return progress.pieces.length > 0 && roomOf(progress) === 0;
}

/** From one progress to a later one of the same upload. */
export function advance(from: Progress, to: Progress): Advance {
  return {
    tags: to.tags.slice(from.tags.length),
    firstPart: from.tags.length + 1,
    added: to.pieces.filter((piece) => !has(from.pieces, piece)),
    removed: from.pieces.filter((piece) => !has(to.pieces, piece)),
  };
}

function has(pieces: readonly Piece[], { blobKey }: Piece): boolean {
  return pieces.some((piece) => piece.blobKey === blobKey);
}
