/**
 * Files padded to size classes, so that a platform learns only the class. Each is a twentieth longer than the one
 * before: 210 in all, fourteen to a doubling. Computed in whole numbers, because both sides have to agree on them.
 */
import { ClientError } from '../errors.ts';
import { PLAIN_FILE_BYTES_MAX } from '../limits.ts';

/** Files below this all look alike. */
const PADDED_BYTES_MIN = 4096;

/** Zeros are handed on in pieces of this. */
export const ZEROS_BYTES = 65_536;

/** The padded length of a file: at most 5 % more, above 4 KiB. Throws `file.size` for what the platform does not take. */
export function paddedLength(size: number): number {
  assertSize(size);
  return Math.min(sizeClass(size), PLAIN_FILE_BYTES_MAX);
}

/** The smallest size class of at least this many bytes. */
export function sizeClass(size: number): number {
  let length = PADDED_BYTES_MIN;
  while (length < size) length += Math.floor(length / 20);
  return length;
}

/** The same for files of messages that name no digest: Padmé (Nikitin et al., 2019). */
export function paddedLengthBefore(size: number): number {
  assertSize(size);
  if (size <= PADDED_BYTES_MIN) return PADDED_BYTES_MIN;
  const exponent = Math.floor(Math.log2(size));
  const significantBits = Math.floor(Math.log2(exponent)) + 1;
  const step = 2 ** (exponent - significantBits);
  return Math.ceil(size / step) * step;
}

/**
 * Passes exactly `size` bytes, then zeros up to `padded`. Throws `file.size` for any other number of bytes, and what the
 * pieces throw.
 */
export async function* pad(
  pieces: AsyncIterable<Uint8Array>,
  { size, padded }: { readonly size: number; readonly padded: number },
): AsyncGenerator<Uint8Array> {
  const wrong = () => new ClientError('file.size', 'the file is not as long as was said');
  let passed = 0;
  for await (const piece of pieces) {
    passed += piece.length;
    if (passed > size) throw wrong();
    yield piece;
  }
  if (passed !== size) throw wrong();
  const zeros = new Uint8Array(Math.min(padded - size, ZEROS_BYTES));
  for (let left = padded - size; left > 0; left -= zeros.length) {
    yield zeros.subarray(0, Math.min(left, zeros.length));
  }
}

function assertSize(size: number): void {
  if (Number.isSafeInteger(size) && size >= 0 && size <= PLAIN_FILE_BYTES_MAX) return;
  throw new ClientError('file.size', `a file has at most ${PLAIN_FILE_BYTES_MAX} bytes`);
}
