/**
 * Ed25519 (RFC 8032), strict, behind one function. Everything signed in this protocol carries a
 * label of its purpose, so that no signature can be taken for another.
 */
import { equal, fromHex } from './bytes.ts';
import { agreementKeyOf, checkAgreementKey, checkTorsionFree } from './curve.ts';
import { CryptoError } from './errors.ts';
import { labelled, SIGNATURE_LABELS, type SignaturePurpose } from './kdf.ts';
import {
  type AgreementPublicKey,
  type SigningKeyPair,
  type SigningRole,
  type SigningSeed,
  signingSeed,
  type VerifyingKey,
  verifyingKey,
} from './keys.ts';
import type { Provider, SignedMessage } from './provider.ts';

/** Bytes of a signature. */
export const SIGNATURE_BYTES = 64;

/** y of the five low-order classes: 0 (order 4), 1, p − 1, and two of order 8; the sign bit is apart. */
const lowOrderY = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
].map(fromHex);

/** A new key pair from the provider's random bytes. */
export function makeSigningKeyPair<Role extends SigningRole>(
  provider: Provider,
): SigningKeyPair<Role> {
  return signingKeyPairOf(provider, signingSeed<Role>(provider.randomBytes(32)));
}

/** The key pair of a seed. */
export function signingKeyPairOf<Role extends SigningRole>(
  provider: Provider,
  seed: SigningSeed<Role>,
): SigningKeyPair<Role> {
  return { seed, publicKey: verifyingKey(provider.ed25519PublicKey(seed)) };
}

/** What a labelled signature is made of, or checked against. */
export interface Statement {
  readonly purpose: SignaturePurpose;
  readonly message: Uint8Array;
}

/** label ‖ 0x00 ‖ message: what is signed, for a key that lies where only signatures come out. */
export function encodeStatement({ purpose, message }: Statement): Uint8Array {
  return labelled(SIGNATURE_LABELS[purpose], message);
}

/** Signs label ‖ 0x00 ‖ message; 64 bytes. */
export function signStatement(
  provider: Provider,
  seed: SigningSeed<SigningRole>,
  statement: Statement,
): Uint8Array {
  return provider.ed25519Sign(seed, encodeStatement(statement));
}

/** Whether the signature is one of this key over this message for this purpose, strictly. */
export function verifyStatement(
  provider: Provider,
  publicKey: VerifyingKey<SigningRole>,
  { purpose, message, signature }: Statement & { readonly signature: Uint8Array },
): boolean {
  const signed = encodeStatement({ purpose, message });
  return verifySignature(provider, { publicKey, message: signed, signature });
}

/**
 * The one place where a signature is verified. Strict: A and R canonical and not of low order, S
 * below the group order, the equation without the cofactor. Both providers agree on every outcome of
 * the CCTV and speccheck collections. False, never an error, for every bad signature or key.
 */
export function verifySignature(provider: Provider, signed: SignedMessage): boolean {
  const { publicKey, signature } = signed;
  if (publicKey.length !== 32 || signature.length !== SIGNATURE_BYTES) return false;
  if (!isSoundPoint(publicKey) || !isSoundPoint(signature.subarray(0, 32))) return false;
  return provider.ed25519VerifyEquation(signed);
}

/**
 * Checks a public key that is going to be pinned or published: canonical, on the curve, not of low
 * order, no torsion. Throws `key.invalid`, `key.low-order` or `key.torsion`.
 */
export function checkVerifyingKey<Role extends SigningRole>(
  provider: Provider,
  bytes: Uint8Array,
): VerifyingKey<Role> {
  checkedAgreementKeyOf(provider, bytes);
  return verifyingKey<Role>(bytes);
}

/**
 * The Montgomery form of a public key that passes the checks of {@link checkVerifyingKey}, which need
 * it anyway. A y of no point is found with the torsion: its u-coordinate belongs to the twist.
 */
export function checkedAgreementKeyOf(
  provider: Provider,
  bytes: Uint8Array,
): AgreementPublicKey<'identity'> {
  if (bytes.length !== 32) throw new CryptoError('key.invalid', 'a public key has 32 bytes');
  if (isLowOrderPoint(bytes)) {
    throw new CryptoError('key.low-order', 'a public key of low order');
  }
  const agreementKey = checkAgreementKey<'identity'>(agreementKeyOf(verifyingKey(bytes)));
  checkTorsionFree(provider, agreementKey);
  return agreementKey;
}

function isSoundPoint(encoded: Uint8Array): boolean {
  return isCanonicalPoint(encoded) && !isLowOrderPoint(encoded);
}

/** Whether y < p. The two canonical y with x = 0 and a set sign bit are of low order. Public data. */
function isCanonicalPoint(encoded: Uint8Array): boolean {
  if ((encoded[31]! & 0x7f) !== 0x7f) return true;
  for (let index = 30; index > 0; index--) {
    if (encoded[index]! !== 0xff) return true;
  }
  return encoded[0]! < 0xed;
}

function isLowOrderPoint(encoded: Uint8Array): boolean {
  // Not `slice`: of a Node Buffer that is a view, and what follows would change the caller's key.
  const y = Uint8Array.from(encoded);
  y[31] = y[31]! & 0x7f;
  return lowOrderY.some((low) => equal(low, y));
}
