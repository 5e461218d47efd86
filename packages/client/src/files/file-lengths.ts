/** How long a file is, on the way from the one that a person has to the ciphertext that the platform gets. */
import { encryptedFileLength } from '@sotto/crypto/files';
import { paddedLength, paddedLengthBefore } from './file-padding.ts';
import type { FileReference } from './file-reference.ts';

/** In bytes. */
export interface Lengths {
  /** Of the file itself. */
  readonly size: number;
  readonly padded: number;
  readonly ciphertext: number;
}

/** The lengths of a file that is to be sent. Throws `file.size` for what the platform does not take. */
export function lengthsOf(size: number): Lengths {
  const padded = paddedLength(size);
  return { size, padded, ciphertext: encryptedFileLength(padded) };
}

/** The lengths of a file that was sent: they follow from what the message says, and no platform is asked. */
export function lengthsOfSent({ size, digest }: FileReference): Lengths {
  if (digest !== undefined) return lengthsOf(size);
  const padded = paddedLengthBefore(size);
  return { size, padded, ciphertext: encryptedFileLength(padded) };
}
