/** The public door, `@sotto/crypto`. Explicit names only; see the package's README for a start. */
export { type Address, decodeUuid, encodeUuid } from './address.ts';
export {
  BACKUP_SALT_BYTES,
  type BackupKeys,
  backupKeysOf,
  RECOVERY_KEY_BYTES,
} from './backup-key.ts';
export { makeAgreementKeyPair } from './curve.ts';
export {
  checkFollows,
  type DeviceEntry,
  type DeviceList,
  type DeviceListExpectation,
  decodeDeviceList,
  signDeviceList,
  type VerifiedDeviceList,
  verifyDeviceList,
} from './device-list.ts';
export { type DeviceListVersion, digestDeviceLists } from './device-lists-digest.ts';
export { openDeviceName, sealDeviceName } from './device-name.ts';
export {
  encodeStatement,
  makeSigningKeyPair,
  SIGNATURE_BYTES,
  type Statement,
  signingKeyPairOf,
  signStatement,
  verifySignature,
  verifyStatement,
} from './ed25519.ts';
export {
  type DeviceListHead,
  type Envelope,
  type ExpectedEnvelope,
  openEnvelope,
  sealEnvelope,
} from './envelope.ts';
export { CryptoError, type CryptoErrorCode } from './errors.ts';
export {
  type FingerprintParty,
  matchesScanned,
  type SafetyNumber,
  safetyNumber,
} from './fingerprint.ts';
export {
  type GroupTitleInput,
  makeGroupTitleKey,
  openGroupTitle,
  sealGroupTitle,
} from './group-title.ts';
export { compareHeads, type Head, type HeadProgress } from './head.ts';
export type { SignaturePurpose } from './kdf.ts';
export {
  type AccountLeaf,
  accountHeadAfter,
  blindAccount,
  type ContactView,
  checkContactLeaves,
  checkOwnLeaf,
  decodeKeyLogLeaf,
  decodeTreeHead,
  digestKey,
  type KeyLogLeaf,
  type RestoredLeaf,
  type TreeHead,
  type TreeHeadExpectation,
  verifyCosignature,
  verifyTreeHead,
} from './key-log.ts';
export { type KeyWork, openKeyWork } from './key-work.ts';
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
export {
  KEY_LOG_SKEW_MS_MAX,
  PASSPHRASE_COST_MAX,
  PROVISION_CONTACTS_MAX,
  TIME_MS_MAX,
} from './limits.ts';
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
  createMembershipLog,
  type Member,
  type Membership,
  type MembershipStep,
  replayMembershipLog,
  signMembershipEntry,
} from './membership-log.ts';
export {
  type InclusionProof,
  leafHashOf,
  type TreeRoot,
  verifyInclusion,
} from './merkle-tree.ts';
export {
  makeIdentity,
  makeOneTimePrekeys,
  makeRegistrationId,
  makeSignedPrekey,
  type OneTimePrekey,
  type PrekeyBundle,
  type SignedPrekey,
  type SignedPrekeyPublic,
  type VerifiedBundle,
  verifyBundle,
  verifyBundles,
} from './prekeys.ts';
export type { Elsewhere, Provider, RunningHash } from './provider.ts';
export { nobleProvider } from './provider-noble.ts';
export { webProvider } from './provider-web.ts';
export type { RatchetState } from './ratchet-state.ts';
export {
  type RestoredExpectation,
  type RestoredProof,
  verifyRestoredHead,
} from './restored-log.ts';
export { acceptCounter, type CounterVerdict, type SenderCounter } from './sender-counter.ts';
export {
  acceptDistribution,
  decryptGroupMessage,
  encodeDistribution,
  encryptGroupMessage,
  type GroupPlace,
  makeSenderChain,
} from './sender-key.ts';
export {
  decodeSenderChain,
  decodeSenderKeyRecord,
  encodeSenderChain,
  encodeSenderKeyRecord,
  type SenderChain,
  type SenderKeyRecord,
} from './sender-key-state.ts';
export {
  adoptSession,
  type DecryptedMessage,
  type DecryptInput,
  decryptMessage,
  type EncryptInput,
  encryptMessage,
  initiateSession,
  retireSessions,
  type SessionDeps,
  type StartInput,
  startSession,
} from './session.ts';
export {
  decodeSessionRecord,
  encodeSessionRecord,
  type Session,
  type SessionRecord,
} from './session-record.ts';
export {
  INTRODUCTION_NONCE_BYTES,
  type Introduction,
  type IntroductionNonces,
  introductionOf,
  isProof,
} from './store-introduction.ts';
export {
  blindStoreName,
  makeStoreKey,
  openStoreRecord,
  type PassphraseCost,
  type StoreKeys,
  type StoreLock,
  sealStoreRecord,
  storeKeysOf,
  stretchPassphrase,
  unwrapStoreKey,
  WRAPPED_STORE_KEY_BYTES,
  wrapStoreKey,
} from './store-seal.ts';
export type { LocalParty, MessageFacts, PrekeySource, Suite } from './suite.ts';
export { classicSuite } from './suite-classic.ts';
export { SUITE_CLASSIC } from './suites.ts';
