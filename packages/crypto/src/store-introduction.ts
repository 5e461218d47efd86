/**
 * How two sides that share a store show each other that they know what opens it, and neither learns it: each makes a MAC
 * over random bytes of both, under a key that serves for nothing else. Whoever passes on what both say hears it all: the
 * line between them is to be one that only the owner of the store can get at.
 */
import { assertLength, concat, equal } from './bytes.ts';
import { derivePair, KDF_LABELS } from './kdf.ts';
import type { Provider } from './provider.ts';

/** Bytes of a nonce. */
export const INTRODUCTION_NONCE_BYTES = 32;

const SECRET_BYTES = 32;
const NO_SALT = new Uint8Array();

/** What both sides have drawn for this one introduction. */
export interface IntroductionNonces {
  readonly holder: Uint8Array;
  readonly follower: Uint8Array;
}

/** What each side shows the other. */
export interface Introduction {
  readonly holder: Uint8Array;
  readonly follower: Uint8Array;
}

/**
 * Both sides' proofs, of a secret of 32 bytes: the key of the store, or its passphrase stretched. The holder's is to be
 * seen first. Throws `input.invalid` for other lengths.
 */
export function introductionOf(
  provider: Provider,
  secret: Uint8Array,
  { holder, follower }: IntroductionNonces,
): Introduction {
  assertLength(secret, SECRET_BYTES, 'a secret');
  assertLength(holder, INTRODUCTION_NONCE_BYTES, 'a nonce');
  assertLength(follower, INTRODUCTION_NONCE_BYTES, 'a nonce');
  const input = { keyMaterial: secret, salt: NO_SALT, info: KDF_LABELS.storeIntroduction };
  const [holderKey, followerKey] = derivePair(provider, input);
  const nonces = concat(holder, follower);
  return {
    holder: provider.hmacSha256(holderKey, nonces),
    follower: provider.hmacSha256(followerKey, nonces),
  };
}

/** Whether a proof is the one that is expected; how long that takes tells nothing of where they differ. */
export function isProof(shown: Uint8Array, expected: Uint8Array): boolean {
  return equal(shown, expected);
}
