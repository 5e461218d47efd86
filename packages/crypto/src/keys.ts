/**
 * Keys as branded bytes, one brand per role: a ratchet key cannot be passed where a signed prekey is
 * wanted. Making a branded key checks the length; whether a public key is sound is checked in
 * `curve.ts` and `ed25519.ts`, where it comes in.
 */
import { assertLength, concat } from './bytes.ts';

declare const brand: unique symbol;
type Branded<Name extends string> = Uint8Array & { readonly [brand]: Name };

/** What an X25519 key is for. `identity` is the Montgomery form of an account's Ed25519 key. */
export type AgreementRole =
  | 'identity'
  | 'signed-prekey'
  | 'one-time-prekey'
  | 'base'
  | 'ratchet'
  | 'provisioning';

/** X25519 secret scalar, 32 bytes. */
export type AgreementSecretKey<Role extends AgreementRole> = Branded<`${Role}-secret`>;
/** X25519 public key, 32 bytes, u-coordinate in little-endian order (RFC 7748). */
export type AgreementPublicKey<Role extends AgreementRole> = Branded<`${Role}-public`>;

/** An X25519 key pair of one role. */
export interface AgreementKeyPair<Role extends AgreementRole> {
  readonly secretKey: AgreementSecretKey<Role>;
  readonly publicKey: AgreementPublicKey<Role>;
}

/** Who signs: an account's identity, one of its devices, a group's sender chain, the key log, a witness of it. */
export type SigningRole = 'identity' | 'device' | 'sender-key' | 'key-log' | 'witness';

/** Ed25519 seed, 32 bytes (RFC 8032 section 5.1.5). */
export type SigningSeed<Role extends SigningRole> = Branded<`${Role}-seed`>;
/** Ed25519 public key, 32 bytes in Edwards form. */
export type VerifyingKey<Role extends SigningRole> = Branded<`${Role}-verifying`>;

/** An Ed25519 key pair of one role. */
export interface SigningKeyPair<Role extends SigningRole> {
  readonly seed: SigningSeed<Role>;
  readonly publicKey: VerifyingKey<Role>;
}

/** The identity of an account: one Ed25519 key, the same on all its devices. */
export type Identity = SigningKeyPair<'identity'>;
/** The published, pinned and logged form of an identity. */
export type IdentityKey = VerifyingKey<'identity'>;

/** What a symmetric secret of the ratchet is for. */
export type SymmetricRole = 'shared' | 'root' | 'chain' | 'message-seed';
/** 32 secret bytes of one role. */
export type SymmetricKey<Role extends SymmetricRole> = Branded<Role>;

/** Every key of this protocol is 32 bytes long. */
const KEY_BYTES = 32;

/** Marks bytes as an X25519 public key of a role. Throws `input.invalid` unless 32 bytes long. */
export function agreementPublicKey<Role extends AgreementRole>(
  bytes: Uint8Array,
): AgreementPublicKey<Role> {
  assertLength(bytes, KEY_BYTES, 'an X25519 public key');
  return bytes as AgreementPublicKey<Role>;
}

/** Marks bytes as an X25519 secret key of a role. Throws `input.invalid` unless 32 bytes long. */
export function agreementSecretKey<Role extends AgreementRole>(
  bytes: Uint8Array,
): AgreementSecretKey<Role> {
  assertLength(bytes, KEY_BYTES, 'an X25519 secret key');
  return bytes as AgreementSecretKey<Role>;
}

/** Marks bytes as an Ed25519 public key of a role. Throws `input.invalid` unless 32 bytes long. */
export function verifyingKey<Role extends SigningRole>(bytes: Uint8Array): VerifyingKey<Role> {
  assertLength(bytes, KEY_BYTES, 'an Ed25519 public key');
  return bytes as VerifyingKey<Role>;
}

/** Marks bytes as an Ed25519 seed of a role. Throws `input.invalid` unless 32 bytes long. */
export function signingSeed<Role extends SigningRole>(bytes: Uint8Array): SigningSeed<Role> {
  assertLength(bytes, KEY_BYTES, 'an Ed25519 seed');
  return bytes as SigningSeed<Role>;
}

/** Marks bytes as a symmetric key of a role. Throws `input.invalid` unless 32 bytes long. */
export function symmetricKey<Role extends SymmetricRole>(bytes: Uint8Array): SymmetricKey<Role> {
  assertLength(bytes, KEY_BYTES, 'a symmetric key');
  return bytes as SymmetricKey<Role>;
}

/**
 * The signed prekey as the first ratchet key of the one who answers (Double Ratchet section 3.3).
 * The only place where a key takes a second role.
 */
export function firstRatchetKeyPair(
  pair: AgreementKeyPair<'signed-prekey'>,
): AgreementKeyPair<'ratchet'> {
  return {
    secretKey: agreementSecretKey(pair.secretKey),
    publicKey: agreementPublicKey(pair.publicKey),
  };
}

/** 0x05 ‖ u: a Curve25519 public key as libsignal writes it, 33 bytes. */
export function withCurveType(publicKey: AgreementPublicKey<AgreementRole>): Uint8Array {
  return concat(Uint8Array.of(0x05), publicKey);
}
