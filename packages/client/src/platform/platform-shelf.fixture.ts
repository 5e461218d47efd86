/** Where the platform of `platform.fixture.ts` keeps files. */
import { ApiError } from '@sotto/api';

export interface Shelf {
  /** By id. */
  readonly stored: Map<string, Uint8Array>;
  /** Uploads that are not complete. */
  readonly begun: Map<string, { readonly length: number; bytes: Uint8Array }>;
  /** What comes in place of a file, or where it is said to lie. */
  show: (bytes: Uint8Array) => Uint8Array | URL;
  /** What comes of what was asked for, before the connection breaks; all of it when left out. */
  breaksAfter: number | undefined;
}

export function makeShelf(): Shelf {
  return { stored: new Map(), begun: new Map(), show: (bytes) => bytes, breaksAfter: undefined };
}

/** The bytes of a `Range` of the form that the SDK asks for. */
export function partOf(bytes: Uint8Array, range: unknown): { bytes: Uint8Array; status: number } {
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(String(range)) ?? [];
  if (first === undefined || last === undefined) return { bytes, status: 200 };
  if (Number(first) >= bytes.length) throw new ApiError('request.range');
  return { bytes: bytes.slice(Number(first), Number(last) + 1), status: 206 };
}
