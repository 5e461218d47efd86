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
/** Bytes that a dash stands in front of. */
const dashBefore: ReadonlySet<number> = new Set([4, 6, 8, 10]);
const [CODE_OF_0, CODE_OF_9, CODE_OF_A] = [0x30, 0x39, 0x61];
const hexOf = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** The 16 bytes of a UUID (RFC 9562 section 4). Throws `input.invalid` for any other text. */
export function encodeUuid(text: string): Uint8Array {
  if (!pattern.test(text)) throw new CryptoError('input.invalid', 'not a UUID in lower case');
  const bytes = new Uint8Array(UUID_BYTES);
  let place = 0;
  for (let index = 0; index < UUID_BYTES; index++) {
    if (dashBefore.has(index)) place += 1;
    bytes[index] = (digitAt(text, place) << 4) | digitAt(text, place + 1);
    place += 2;
  }
  return bytes;
}

/** The lower-case text of 16 bytes. Throws `input.invalid` for another length. */
export function decodeUuid(bytes: Uint8Array): string {
  if (bytes.length !== UUID_BYTES)
    throw new CryptoError('input.invalid', 'not the bytes of a UUID');
  let text = '';
  for (let index = 0; index < UUID_BYTES; index++) {
    if (dashBefore.has(index)) text += '-';
    text += hexOf[bytes[index]!]!;
  }
  return text;
}

/** Of a text that is known to have a lower-case hexadecimal digit there. */
function digitAt(text: string, place: number): number {
  const code = text.charCodeAt(place);
  return code <= CODE_OF_9 ? code - CODE_OF_0 : code - CODE_OF_A + 10;
}

/** Whether two addresses name the same device. */
export function sameAddress(a: Address, b: Address): boolean {
  return a.user === b.user && a.device === b.device;
}
