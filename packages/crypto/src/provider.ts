/**
 * The primitives, as one synchronous interface over bytes. Everything above takes it as an argument
 * and knows no library; `provider-noble.ts` and `node.ts` implement it, and every vector runs over both.
 *
 * A provider may keep a prepared form of a key for as long as the array that carried it lives. So an
 * array that was passed as a key must never be changed afterwards, not even wiped and filled anew.
 */

/** Input of an AES-256-GCM operation (NIST SP 800-38D): 32-byte key, 12-byte nonce, 16-byte tag. */
export interface AeadInput {
  readonly key: Uint8Array;
  readonly nonce: Uint8Array;
  readonly associatedData: Uint8Array;
  /** The plaintext to seal, or the ciphertext with the tag behind it to open. */
  readonly data: Uint8Array;
  /** Where the result goes, as long as it is and apart from `data`; a new array when left out. */
  readonly into?: Uint8Array;
}

/** Input of HKDF-SHA256 (RFC 5869). An empty salt stands for 32 zero bytes. */
export interface HkdfInput {
  readonly keyMaterial: Uint8Array;
  readonly salt: Uint8Array;
  readonly info: Uint8Array;
  /** Bytes wanted, at most 8160. */
  readonly length: number;
}

/** A signature to check against a message and a key. */
export interface SignedMessage {
  readonly publicKey: Uint8Array;
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
}

/** SHA-256 of bytes that come in parts. */
export interface RunningHash {
  update(data: Uint8Array): void;
  /** Of everything up to here; more may follow. */
  digest(): Uint8Array;
}

/** The slow functions of a {@link Provider}, with its results, computed outside the thread that asks. */
export interface Elsewhere {
  x25519PublicKey(secretKey: Uint8Array): Promise<Uint8Array>;
  /** Rejects as {@link Provider.x25519} throws. */
  x25519(secretKey: Uint8Array, publicKey: Uint8Array): Promise<Uint8Array>;
  ed25519VerifyEquation(signed: SignedMessage): Promise<boolean>;
}

/** What this package needs of a cryptographic library. Lengths are the caller's duty to check. */
export interface Provider {
  /** For reports and test names only. */
  readonly name: string;

  /** Bytes of the operating system's generator. Tests and fixed vectors replace this one function. */
  randomBytes(length: number): Uint8Array;

  sha256(data: Uint8Array): Uint8Array;
  startSha256(): RunningHash;
  sha512(data: Uint8Array): Uint8Array;
  hmacSha256(key: Uint8Array, data: Uint8Array): Uint8Array;
  hmacSha512(key: Uint8Array, data: Uint8Array): Uint8Array;
  /** Throws `input.invalid` for more than 8160 bytes. */
  hkdfSha256(input: HkdfInput): Uint8Array;

  /** The public key of a 32-byte scalar, which is clamped as RFC 7748 section 5 says. */
  x25519PublicKey(secretKey: Uint8Array): Uint8Array;
  /** RFC 7748 section 6.1. Throws `key.low-order` when the result is all zero. */
  x25519(secretKey: Uint8Array, publicKey: Uint8Array): Uint8Array;

  ed25519PublicKey(seed: Uint8Array): Uint8Array;
  /** RFC 8032 section 5.1.6, deterministic. */
  ed25519Sign(seed: Uint8Array, message: Uint8Array): Uint8Array;
  /**
   * The bare equation of RFC 8032 section 5.1.7 without the cofactor, with S below the group order.
   * Not for use outside `ed25519.ts`, which adds the checks on the points.
   */
  ed25519VerifyEquation(signed: SignedMessage): boolean;

  /** Ciphertext with the 16-byte tag behind it: `into` itself when it is given. */
  aesGcmSeal(input: AeadInput): Uint8Array;
  /** The plaintext, or undefined when the tag does not verify. Nothing is in `into` then that was not before. */
  aesGcmOpen(input: AeadInput): Uint8Array | undefined;

  /** Where else curves are computed, for `key-work.ts`; undefined where that cannot be had. Absent: nowhere. */
  readonly elsewhere?: () => Promise<Elsewhere | undefined>;
}
