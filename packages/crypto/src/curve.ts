/**
 * X25519 (RFC 7748): key pairs, agreement, and the checks on public keys that come from outside.
 * A public key has many encodings and many equivalents under agreement; signatures, associated data
 * and comparisons see the bytes. So exactly one encoding of each key is accepted.
 */
import { ed25519 } from '@noble/curves/ed25519.js';
import { equal, fromHex, isZero } from './bytes.ts';
import { CryptoError } from './errors.ts';
import {
  type AgreementKeyPair,
  type AgreementPublicKey,
  type AgreementRole,
  type AgreementSecretKey,
  agreementPublicKey,
  agreementSecretKey,
  type SigningRole,
  type SigningSeed,
  type VerifyingKey,
} from './keys.ts';
import type { Provider } from './provider.ts';

/** Arithmetic modulo p = 2²⁵⁵ − 19. */
const { Fp } = ed25519.Point;

/**
 * 5L − 1, little-endian, where L is the order of the prime subgroup. It is a multiple of 8 with bit
 * 254 set and bit 255 clear, so clamping leaves it as it is; and it is −1 modulo L. Hence X25519 with
 * it maps a point to the negative of its torsion-free part, whose u-coordinate is the same as that of
 * the part itself. No point of the twist keeps its u-coordinate: 5L and 5L − 2 are coprime to the order
 * of the twist. One agreement thus tells whether u is that of a point in the prime subgroup.
 */
const torsionClearingScalar = fromHex(
  'a023cdd083ef5bb82f10d62e59e15a6800000000000000000000000000000050',
);

/** The low-order points below p: 0, 1, two of order 8, and p − 1 (RFC 7748 section 6.1, Wycheproof). */
const lowOrderKeys = [
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000000',
  'e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800',
  '5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
].map(fromHex);

/** A new key pair from the provider's random bytes. */
export function makeAgreementKeyPair<Role extends AgreementRole>(
  provider: Provider,
): AgreementKeyPair<Role> {
  return agreementKeyPairOf(provider, agreementSecretKey<Role>(provider.randomBytes(32)));
}

/** The key pair of a secret key. */
export function agreementKeyPairOf<Role extends AgreementRole>(
  provider: Provider,
  secretKey: AgreementSecretKey<Role>,
): AgreementKeyPair<Role> {
  return { secretKey, publicKey: agreementPublicKey(provider.x25519PublicKey(secretKey)) };
}

/**
 * The shared secret of two keys, 32 bytes. Throws `key.low-order` when it would be all zero.
 * The public key must have passed {@link checkAgreementKey} where it came in.
 */
export function agree<Ours extends AgreementRole, Theirs extends AgreementRole>(
  provider: Provider,
  secretKey: AgreementSecretKey<Ours>,
  publicKey: AgreementPublicKey<Theirs>,
): Uint8Array {
  const secret = provider.x25519(secretKey, publicKey);
  if (isZero(secret)) throw new CryptoError('key.low-order', 'the agreement gives no secret');
  return secret;
}

/**
 * Checks the encoding of a public key: 32 bytes, top bit clear, u < p, not of low order; and gives it
 * its role. Cheap: for every public key, ratchet keys included. Throws `key.invalid`, `key.low-order`.
 */
export function checkAgreementKey<Role extends AgreementRole>(
  bytes: Uint8Array,
): AgreementPublicKey<Role> {
  if (bytes.length !== 32) throw new CryptoError('key.invalid', 'a public key has 32 bytes');
  if (!isBelowPrime(bytes)) throw new CryptoError('key.invalid', 'not a canonical public key');
  for (const low of lowOrderKeys) {
    if (equal(low, bytes)) throw new CryptoError('key.low-order', 'a public key of low order');
  }
  return agreementPublicKey(bytes);
}

/**
 * Checks that a public key lies in the prime subgroup (and so on the curve, not on its twist), after
 * {@link checkAgreementKey}. Costs one agreement; do it once per key, where the key is uploaded, in
 * bundles, and on the base key of a first message. Throws `key.torsion`.
 */
export function checkTorsionFree(
  provider: Provider,
  publicKey: AgreementPublicKey<AgreementRole>,
): void {
  if (!equal(provider.x25519(torsionClearingScalar, publicKey), publicKey)) {
    throw new CryptoError('key.torsion', 'the public key is not in the prime subgroup');
  }
}

/** By seed, so that a provider that prepares keys does so once for each identity. */
const agreementSecrets = new WeakMap<Uint8Array, AgreementSecretKey<'identity'>>();

/**
 * The X25519 secret key of an Ed25519 seed: the first half of SHA-512 of it (RFC 8032 section 5.1.5);
 * X25519 clamps it the same way. Its public key is the Montgomery form of the Ed25519 public key.
 */
export function agreementSecretOf(
  provider: Provider,
  seed: SigningSeed<SigningRole>,
): AgreementSecretKey<'identity'> {
  const known = agreementSecrets.get(seed);
  if (known !== undefined) return known;
  const secret = agreementSecretKey<'identity'>(provider.sha512(seed).slice(0, 32));
  agreementSecrets.set(seed, secret);
  return secret;
}

/**
 * The Montgomery form u = (1 + y) / (1 − y) of an Ed25519 public key (RFC 7748 section 4.1). It is on
 * the curve exactly when the key is a point; that is not looked at here: the key must be our own or
 * have passed `checkVerifyingKey`. Throws `key.invalid` when y is not below p, or 1.
 */
export function agreementKeyOf(key: VerifyingKey<SigningRole>): AgreementPublicKey<'identity'> {
  // Not `slice`: of a Node Buffer that is a view, and the caller's key would lose its sign.
  const encodedY = Uint8Array.from(key);
  encodedY[31] = encodedY[31]! & 0x7f;
  try {
    const y = Fp.fromBytes(encodedY);
    return agreementPublicKey(Fp.toBytes(Fp.div(Fp.add(Fp.ONE, y), Fp.sub(Fp.ONE, y))));
  } catch (cause) {
    throw new CryptoError('key.invalid', 'not an Ed25519 public key', { cause });
  }
}

/** Whether the little-endian number is below 2²⁵⁵ − 19. For public keys only: not constant time. */
function isBelowPrime(bytes: Uint8Array): boolean {
  if (bytes[31]! !== 0x7f) return bytes[31]! < 0x7f;
  for (let index = 30; index > 0; index--) {
    if (bytes[index]! !== 0xff) return true;
  }
  return bytes[0]! < 0xed;
}
