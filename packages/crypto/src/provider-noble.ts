/** The primitives on the noble libraries: for browsers, and as the cross-check of the Node provider. */
import { gcm } from '@noble/ciphers/aes.js';
import { ed25519, x25519 } from '@noble/curves/ed25519.js';
import { hkdf } from '@noble/hashes/hkdf.js';
import { hmac } from '@noble/hashes/hmac.js';
import { sha256, sha512 } from '@noble/hashes/sha2.js';
import { randomBytes } from '@noble/hashes/utils.js';
import { concat, equal } from './bytes.ts';
import { CryptoError } from './errors.ts';
import type { AeadInput, HkdfInput, Provider, RunningHash, SignedMessage } from './provider.ts';

/** Pure TypeScript primitives; run wherever `crypto.getRandomValues` exists. Keeps no keys. */
export const nobleProvider: Provider = {
  name: 'noble',
  randomBytes,
  sha256,
  startSha256,
  sha512,
  hmacSha256: (key, data) => hmac(sha256, key, data),
  hmacSha512: (key, data) => hmac(sha512, key, data),
  hkdfSha256,
  x25519PublicKey: (secretKey) => x25519.getPublicKey(secretKey),
  x25519: agree,
  ed25519PublicKey: (seed) => ed25519.getPublicKey(seed),
  ed25519Sign: (seed, message) => ed25519.sign(message, seed),
  ed25519VerifyEquation: verifyEquation,
  aesGcmSeal: ({ key, nonce, associatedData, data, into }) =>
    placed(gcm(key, nonce, associatedData).encrypt(data), into),
  aesGcmOpen: openGcm,
};

function startSha256(): RunningHash {
  const hash = sha256.create();
  return { update: (data) => void hash.update(data), digest: () => hash.clone().digest() };
}

function hkdfSha256({ keyMaterial, salt, info, length }: HkdfInput): Uint8Array {
  if (length > 255 * 32) throw new CryptoError('input.invalid', 'HKDF output is too long');
  return hkdf(sha256, keyMaterial, salt, info, length);
}

function agree(secretKey: Uint8Array, publicKey: Uint8Array): Uint8Array {
  try {
    return x25519.getSharedSecret(secretKey, publicKey);
  } catch (cause) {
    throw new CryptoError('key.low-order', 'the agreement gives no secret', { cause });
  }
}

/**
 * [S]B − [k]A compared with R as bytes. noble's own `verify` multiplies by the cofactor, which
 * accepts signatures that OpenSSL refuses; two providers must never disagree on one signature.
 */
function verifyEquation({ publicKey, message, signature }: SignedMessage): boolean {
  const { Point } = ed25519;
  const encodedR = signature.subarray(0, 32);
  const s = littleEndian(signature.subarray(32));
  if (s >= Point.Fn.ORDER) return false;
  const minusA = pointOrUndefined(publicKey)?.negate();
  if (minusA === undefined) return false;
  const k = Point.Fn.create(littleEndian(sha512(concat(encodedR, publicKey, message))));
  const r = Point.BASE.multiplyUnsafe(s).add(minusA.multiplyUnsafe(k));
  return equal(r.toBytes(), encodedR);
}

function pointOrUndefined(encoded: Uint8Array) {
  try {
    return ed25519.Point.fromBytes(encoded, false);
  } catch {
    return undefined; // Not the encoding of a point: no signature verifies under it.
  }
}

function littleEndian(bytes: Uint8Array): bigint {
  let value = 0n;
  for (let index = bytes.length - 1; index >= 0; index--) {
    value = (value << 8n) | BigInt(bytes[index]!);
  }
  return value;
}

function openGcm({ key, nonce, associatedData, data, into }: AeadInput): Uint8Array | undefined {
  if (data.length < 16) return undefined;
  try {
    return placed(gcm(key, nonce, associatedData).decrypt(data), into);
  } catch {
    return undefined; // noble throws for a wrong tag only, once the lengths are right.
  }
}

function placed(result: Uint8Array, into: Uint8Array | undefined): Uint8Array {
  into?.set(result);
  return into ?? result;
}
