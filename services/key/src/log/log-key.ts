/** The key that signs the heads of the key log. */
import { hkdfSync } from 'node:crypto';
import { nodeProvider } from '@sotto/crypto/node';
import { type SigningKeyPair, signingKeyPairOf, signingSeed } from '@sotto/crypto/verify';

/** Says what the key is for; no other key of the platform is derived with it. */
const KEY_LABEL = 'sotto/v1/key-log-signing-key';

/** Derived, so that all processes agree without a file of keys, and from a secret that serves nothing else. */
export function logKeyOf(secret: string): SigningKeyPair<'key-log'> {
  const seed = new Uint8Array(hkdfSync('sha256', secret, '', KEY_LABEL, 32));
  return signingKeyPairOf(nodeProvider, signingSeed<'key-log'>(seed));
}
