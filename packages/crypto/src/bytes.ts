/** Byte arrays: joining, comparing, text, and what arguments must be. */
import { CryptoError } from './errors.ts';

const encoder = new TextEncoder();

/** The UTF-8 bytes of a text. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** The bytes that hexadecimal digits of ours stand for: constants, never input. */
export function fromHex(digits: string): Uint8Array {
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

/** The parts one after the other, in a new array. */
export function concat(...parts: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const part of parts) length += part.length;
  const joined = new Uint8Array(length);
  let offset = 0;
  for (const part of parts) {
    joined.set(part, offset);
    offset += part.length;
  }
  return joined;
}

/**
 * Whether two arrays hold the same bytes. The time depends on the lengths only, as far as a
 * just-in-time compiled language allows; use it for every comparison in this package.
 */
export function equal(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let index = 0; index < a.length; index++) difference |= a[index]! ^ b[index]!;
  return difference === 0;
}

/** Whether every byte is zero, in a time that depends on the length only. */
export function isZero(bytes: Uint8Array): boolean {
  let seen = 0;
  for (const byte of bytes) seen |= byte;
  return seen === 0;
}

/** Throws `input.invalid` unless `bytes` is a byte array of exactly this length. */
export function assertLength(bytes: Uint8Array, length: number, what: string): void {
  if (!(bytes instanceof Uint8Array) || bytes.length !== length) {
    throw new CryptoError('input.invalid', `${what} must be ${length} bytes`);
  }
}

/** Throws `input.invalid` unless `value` is an integer within the bounds, both included. */
export function assertInteger(
  value: number,
  bounds: { readonly min: number; readonly max: number },
  what: string,
): void {
  if (!Number.isSafeInteger(value) || value < bounds.min || value > bounds.max) {
    throw new CryptoError('input.invalid', `${what} must be from ${bounds.min} to ${bounds.max}`);
  }
}
