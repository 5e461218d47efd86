/** Who a message is from or for: UUIDs as text in the interface and as 16 bytes on the wire. */
import { CryptoError } from './errors.ts';

/** One device of one account. Both ids are UUIDs in lower case. */
export interface Address {
  readonly user: string;
  readonly device: string;
}

/** Bytes of an encoded UUID. */
export const UUID_BYTES = 16;

const pattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;
const hexOf = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** The 16 bytes of a UUID (RFC 9562 section 4). Throws `input.invalid` for any other text. */
export function encodeUuid(text: string): Uint8Array {
  if (!pattern.test(text)) throw new CryptoError('input.invalid', 'not a UUID in lower case');
  const digits = text.replaceAll('-', '');
  const bytes = new Uint8Array(UUID_BYTES);
  for (let index = 0; index < UUID_BYTES; index++) {
    bytes[index] = Number.parseInt(digits.slice(index * 2, index * 2 + 2), 16);
  }
  return bytes;
}

/** The lower-case text of 16 bytes. Throws `input.invalid` for another length. */
export function decodeUuid(bytes: Uint8Array): string {
  if (bytes.length !== UUID_BYTES)
    throw new CryptoError('input.invalid', 'not the bytes of a UUID');
  const digits = Array.from(bytes, (byte) => hexOf[byte]!).join('');
  return [
    digits.slice(0, 8),
    digits.slice(8, 12),
    digits.slice(12, 16),
    digits.slice(16, 20),
    digits.slice(20),
  ].join('-');
}

/** Whether two addresses name the same device. */
export function sameAddress(a: Address, b: Address): boolean {
  return a.user === b.user && a.device === b.device;
}
