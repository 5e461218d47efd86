/**
 * The second door, `@sotto/crypto/verify`, for servers: checks of keys and signatures, and nothing
 * that could hold a session. No account's secret key is ever taken; the one exception to "only checks" is
 * the key log, whose server and witnesses sign its heads with keys of their own.
 */

export {
  type DeviceEntry,
  type DeviceList,
  type DeviceListExpectation,
  decodeDeviceList,
  type VerifiedDeviceList,
  verifyDeviceList,
} from './device-list.ts';
export { type DeviceListVersion, digestDeviceLists } from './device-lists-digest.ts';
export {
  checkVerifyingKey,
  SIGNATURE_BYTES,
  signingKeyPairOf,
  verifySignature,
  verifyStatement,
} from './ed25519.ts';
export { CryptoError, type CryptoErrorCode } from './errors.ts';
export { compareHeads, type Head, type HeadProgress } from './head.ts';
export type { SignaturePurpose } from './kdf.ts';
export {
  type AccountLeaf,
  accountHeadAfter,
  blindAccount,
  cosignTreeHead,
  decodeKeyLogLeaf,
  decodeTreeHead,
  digestKey,
  encodeKeyLogLeaf,
  type KeyLogLeaf,
  type RestoredLeaf,
  signTreeHead,
  type TreeHead,
  type TreeHeadExpectation,
  verifyCosignature,
  verifyTreeHead,
} from './key-log.ts';
export {
  type IdentityKey,
  type SigningKeyPair,
  type SigningRole,
  type SigningSeed,
  signingSeed,
  type VerifyingKey,
  verifyingKey,
} from './keys.ts';
export {
  type DecodedMembershipEntry,
  decodeMembershipEntry,
  type MemberRole,
  type MembershipAction,
  type MembershipAuthor,
  type MembershipEntry,
} from './membership-entry.ts';
export {
  type AuthorCheck,
  applyMembershipEntry,
  departedEntry,
  type Member,
  type Membership,
  type MembershipStep,
  replayMembershipLog,
} from './membership-log.ts';
export {
  appendLeaf,
  consistencyRanges,
  emptyTree,
  type InclusionProof,
  inclusionRanges,
  joinSubtrees,
  type LeafRange,
  leafHashOf,
  rootOf,
  type Subtree,
  type SubtreeHash,
  subtreesOf,
  type TreeEdge,
  type TreeRoot,
  verifyConsistency,
  verifyInclusion,
} from './merkle-tree.ts';
export {
  checkPrekey,
  type PrekeyBundle,
  type SignedPrekeyPublic,
  type VerifiedBundle,
  verifyBundle,
  verifySignedPrekey,
} from './prekeys.ts';
export type { Provider } from './provider.ts';
export { nobleProvider } from './provider-noble.ts';
