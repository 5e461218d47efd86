/** The public door, `@sotto/crypto`. Explicit names only; see the package's README for a start. */

export {
  makeSigningKeyPair,
  SIGNATURE_BYTES,
  type Statement,
  signingKeyPairOf,
  signStatement,
  verifySignature,
  verifyStatement,
} from './ed25519.ts';
export { CryptoError, type CryptoErrorCode } from './errors.ts';
export type { SignaturePurpose } from './kdf.ts';
export {
  type AgreementKeyPair,
  type AgreementPublicKey,
  type AgreementRole,
  type AgreementSecretKey,
  agreementPublicKey,
  agreementSecretKey,
  type Identity,
  type IdentityKey,
  type SigningKeyPair,
  type SigningRole,
  type SigningSeed,
  signingSeed,
  type VerifyingKey,
  verifyingKey,
} from './keys.ts';
export type { Provider } from './provider.ts';
export { nobleProvider } from './provider-noble.ts';
