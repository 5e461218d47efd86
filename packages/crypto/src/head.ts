/** The newest version of a signed, hash-chained list that someone has seen, and what may follow it. */

import type { ByteReader } from './byte-reader.ts';
import type { ByteWriter } from './byte-writer.ts';
import { assertInteger, assertLength, equal } from './bytes.ts';
import { CryptoError } from './errors.ts';

/** Version and hash of a membership log, a device list or an account's key log leaf. */
export interface Head {
  /** 1 for the first version; 32 bits. */
  readonly version: number;
  /** 32 bytes. */
  readonly hash: Uint8Array;
}

/** Bytes of an encoded head. */
export const HEAD_BYTES = 36;

/** How a received head stands to the one seen before. */
export type HeadProgress = 'first' | 'same' | 'newer';

/**
 * Compares a head from a message with the newest one seen. `newer` tells the caller to fetch the
 * versions between and to check their chain. Throws `head.rolled-back` for an older version and
 * `head.forked` for another hash of the same version: the server, or the sender, shows two histories.
 */
export function compareHeads(seen: Head | undefined, received: Head): HeadProgress {
  if (seen === undefined) return 'first';
  if (received.version > seen.version) return 'newer';
  if (received.version < seen.version) {
    throw new CryptoError('head.rolled-back', 'a head older than one already seen');
  }
  if (!equal(received.hash, seen.hash)) {
    throw new CryptoError('head.forked', 'two different heads of one version');
  }
  return 'same';
}

/** version (4) ‖ hash (32). Throws `input.invalid` for a head that no list can have. */
export function writeHead(writer: ByteWriter, head: Head): void {
  assertInteger(head.version, { min: 1, max: 0xffff_ffff }, 'head version');
  assertLength(head.hash, 32, 'head hash');
  writer.u32(head.version).bytes(head.hash);
}

/** The inverse of {@link writeHead}; throws `encoding.invalid`. */
export function readHead(reader: ByteReader): Head {
  const head = { version: reader.u32(), hash: reader.bytes(32) };
  if (head.version === 0) throw new CryptoError('encoding.invalid', 'a head has no version');
  return head;
}
