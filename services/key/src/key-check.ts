/** Whether uploaded keys are sound: a pure function, because it runs in a thread of its own. */
import type { SignedPrekey } from '@sotto/api';
import { nodeProvider } from '@sotto/crypto/node';
import {
  CryptoError,
  type CryptoErrorCode,
  checkPrekey,
  checkVerifyingKey,
  verifyingKey,
  verifySignedPrekey,
} from '@sotto/crypto/verify';

/** What is to be checked. The identity key that a signed prekey is held against was checked when it was published. */
export type KeyCheck =
  | { kind: 'identity'; identityKey: Uint8Array }
  | { kind: 'signed-prekey'; identityKey: Uint8Array; prekey: SignedPrekey }
  | { kind: 'one-time-prekeys'; publicKeys: Uint8Array[] };

/** The first key that is not sound. */
export interface KeyFault {
  code: CryptoErrorCode;
  /** Which of several keys. */
  index: number;
}

/** The first fault, or undefined. Every encoding, canonicality, order, torsion and signature (DESIGN section 3). */
export function findFault(check: KeyCheck): KeyFault | undefined {
  let index = 0;
  try {
    switch (check.kind) {
      case 'identity':
        checkVerifyingKey(nodeProvider, check.identityKey);
        return undefined;
      case 'signed-prekey':
        verifySignedPrekey(nodeProvider, verifyingKey(check.identityKey), check.prekey);
        return undefined;
      case 'one-time-prekeys':
        for (; index < check.publicKeys.length; index++) {
          checkPrekey(nodeProvider, check.publicKeys[index] as Uint8Array);
        }
        return undefined;
    }
  } catch (error) {
    if (error instanceof CryptoError) return { code: error.code, index };
    throw error;
  }
}
