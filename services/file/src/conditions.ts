/** What a request's headers ask of a file's bytes: ranges and validators (RFC 9110, sections 13 and 14). */
import type { ByteRange } from '@sotto/runtime';

export interface Conditions {
  range: string | null;
  ifRange: string | null;
  ifNoneMatch: string | null;
}

/** Which part of the representation to send. */
export type Selection =
  | { kind: 'not-modified' }
  | { kind: 'whole' }
  | { kind: 'range'; range: ByteRange }
  | { kind: 'unsatisfiable' };

/** Decides for a representation of this size under this strong entity tag. */
export function select(conditions: Conditions, size: number, etag: string): Selection {
  const { range, ifRange, ifNoneMatch } = conditions;
  if (ifNoneMatch !== null && matchesAny(ifNoneMatch, etag)) return { kind: 'not-modified' };
  // A date, which we never send, and a weak tag do not match: then the whole is sent.
  if (range === null || (ifRange !== null && ifRange.trim() !== etag)) return { kind: 'whole' };
  return parseRange(range, size);
}

/** Weak comparison, as If-None-Match wants. Our tags hold no commas. */
function matchesAny(list: string, etag: string): boolean {
  if (list.trim() === '*') return true;
  return list.split(',').some((tag) => tag.trim().replace(/^W\//, '') === etag);
}

/** A range of several parts, in other units or beyond the grammar may be ignored; the whole is sent then. */
function parseRange(header: string, size: number): Selection {
  const match = /^bytes=\s*(\d{0,15})-(\d{0,15})\s*$/i.exec(header);
  const [, first = '', last = ''] = match ?? [];
  if (first === '' && last === '') return { kind: 'whole' };
  const range = first === '' ? suffix(Number(last), size) : between(first, last, size);
  if (range.end < range.start) {
    // `5-2` is no range at all; one that starts beyond the end is a range that cannot be had.
    const isRange = first === '' || last === '' || Number(last) >= Number(first);
    return { kind: isRange ? 'unsatisfiable' : 'whole' };
  }
  return { kind: 'range', range };
}

function suffix(length: number, size: number): ByteRange {
  return length === 0
    ? { start: size, end: -1 }
    : { start: Math.max(0, size - length), end: size - 1 };
}

function between(first: string, last: string, size: number): ByteRange {
  const end = last === '' ? size - 1 : Math.min(Number(last), size - 1);
  return { start: Number(first), end };
}
