/**
 * Columns that are encrypted where they lie: a dump of the database, or a backup, does not tell them.
 *
 * A sealed value: version (1) ‖ key id (4) ‖ nonce (12) ‖ AES-256-GCM ciphertext ‖ tag (16). The associated data names
 * column and row, so a value that is moved to another row does not open. Keys come from secrets by HKDF: the first
 * seals, all open. A fresh random nonce for each value is safe up to 2^32 values per key (NIST SP 800-38D section 8.3).
 */
import { createCipheriv, createDecipheriv, createHash, hkdfSync, randomBytes } from 'node:crypto';

/** Where a value lies. */
export interface FieldPlace {
  /** `table.column`. */
  column: string;
  /** The row's id. */
  row: string;
}

export interface SealedFields {
  /** The value to store. */
  seal(place: FieldPlace, value: Uint8Array): Uint8Array;
  /** What was sealed. Throws when it was not sealed for this place, or by none of the keys. */
  open(place: FieldPlace, sealed: Uint8Array): Uint8Array;
  /** Whether the key that seals now has sealed this. */
  isCurrent(sealed: Uint8Array): boolean;
}

const VERSION = 1;
const KEY_ID_BYTES = 4;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const NONCE_AT = 1 + KEY_ID_BYTES;
const HEAD_BYTES = NONCE_AT + NONCE_BYTES;

/** Say what a derived key is for; no other key of the platform is derived with them. */
const KEY_LABEL = 'sotto/v1/field-key';
const KEY_ID_LABEL = 'sotto/v1/field-key-id';

/** Seals with the first of the secrets, opens with all of them. */
export function createSealedFields(secrets: readonly string[]): SealedFields {
  const ring = secrets.map(fieldKey);
  const [sealing] = ring;
  if (sealing === undefined) throw new TypeError('there is no key to seal columns with');

  return {
    seal(place, value) {
      const nonce = randomBytes(NONCE_BYTES);
      const head = Buffer.concat([Uint8Array.of(VERSION), sealing.id, nonce]);
      const cipher = createCipheriv('aes-256-gcm', sealing.key, nonce);
      cipher.setAAD(placeBytes(place, head));
      return Buffer.concat([head, cipher.update(value), cipher.final(), cipher.getAuthTag()]);
    },
    open(place, sealed) {
      const bytes = Buffer.from(sealed);
      const id = bytes.subarray(1, NONCE_AT);
      const one = ring.find((candidate) => candidate.id.equals(id));
      if (bytes.length < HEAD_BYTES + TAG_BYTES || bytes[0] !== VERSION || one === undefined) {
        throw new Error('a sealed column was sealed by none of the keys');
      }
      const nonce = bytes.subarray(NONCE_AT, HEAD_BYTES);
      const decipher = createDecipheriv('aes-256-gcm', one.key, nonce);
      decipher.setAAD(placeBytes(place, bytes.subarray(0, HEAD_BYTES)));
      decipher.setAuthTag(bytes.subarray(-TAG_BYTES));
      return Buffer.concat([
        decipher.update(bytes.subarray(HEAD_BYTES, -TAG_BYTES)),
        decipher.final(),
      ]);
    },
    isCurrent: (sealed) => sealing.id.equals(sealed.subarray(1, NONCE_AT)),
  };
}

interface FieldKey {
  id: Buffer;
  key: Buffer;
}

function fieldKey(secret: string): FieldKey {
  const key = Buffer.from(hkdfSync('sha256', secret, '', KEY_LABEL, 32));
  // Of the derived key: an id is written beside every value and must tell nothing of the secret.
  const id = createHash('sha256').update(KEY_ID_LABEL).update(key).digest();
  return { id: id.subarray(0, KEY_ID_BYTES), key };
}

function placeBytes({ column, row }: FieldPlace, head: Uint8Array): Uint8Array {
  return Buffer.concat([Buffer.from(`${column}\0${row}\0`), head]);
}
