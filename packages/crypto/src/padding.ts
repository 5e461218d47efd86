/**
 * Padding of plaintexts to size classes, so that a ciphertext tells only the class. Powers of two
 * from 256 to 4096 bytes, where most messages are; above that four steps per doubling, so that
 * nothing grows by more than a quarter.
 */
import { CryptoError } from './errors.ts';
import { PLAINTEXT_BYTES_MAX } from './limits.ts';

const CLASS_BYTES_MIN = 256;
const POWERS_OF_TWO_UP_TO = 4096;
const MARK = 0x80;

/**
 * plaintext ‖ 0x80 ‖ zeros, as long as its size class (ISO/IEC 7816-4).
 * Throws `input.invalid` when the result would exceed the largest class, 64 KiB.
 */
export function pad(plaintext: Uint8Array): Uint8Array {
  const length = sizeClassOf(plaintext.length + 1);
  if (length > PLAINTEXT_BYTES_MAX) {
    throw new CryptoError(
      'input.invalid',
      `a plaintext has at most ${PLAINTEXT_BYTES_MAX - 1} bytes`,
    );
  }
  const padded = new Uint8Array(length);
  padded.set(plaintext);
  padded[plaintext.length] = MARK;
  return padded;
}

/**
 * The inverse of {@link pad}. Throws `encoding.invalid` for everything that `pad` cannot produce.
 * Runs on authenticated plaintext only, so its timing gives nothing away.
 */
export function unpad(padded: Uint8Array): Uint8Array {
  let end = padded.length - 1;
  while (end >= 0 && padded[end] === 0) end -= 1;
  const canonical = padded.length <= PLAINTEXT_BYTES_MAX && sizeClassOf(end + 1) === padded.length;
  if (padded[end] !== MARK || !canonical) {
    throw new CryptoError('encoding.invalid', 'not a padded plaintext');
  }
  return padded.slice(0, end);
}

/** The smallest size class of at least `length` bytes. */
export function sizeClassOf(length: number): number {
  let power = CLASS_BYTES_MIN;
  while (power < length && power < POWERS_OF_TWO_UP_TO) power *= 2;
  if (power >= length) return power;
  while (power * 2 < length) power *= 2;
  const step = power / 4;
  return Math.ceil(length / step) * step;
}
