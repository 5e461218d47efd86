/**
 * Key derivation, and the one table of all labels: no other file contains a domain-separation
 * string. A label is never changed and never used for two purposes.
 */
import { concat, utf8 } from './bytes.ts';
import type { Provider } from './provider.ts';

/** `info` of each HKDF and prefix of each HMAC or hash that is not fixed by an outside specification. */
export const KDF_LABELS = {
  /** Shared secret of X3DH, suite classic; the transcript hash follows it. */
  x3dh: utf8('sotto/v1/classic/x3dh'),
  /** Hash over both identities, both addresses and the handshake: the associated data of a session. */
  transcript: utf8('sotto/v1/classic/transcript'),
  /** Root step of the Double Ratchet, suite classic. */
  rootStep: utf8('sotto/v1/classic/root-step'),
  /** Message key of the Double Ratchet, suite classic. */
  message: utf8('sotto/v1/classic/message'),
  /** Message key of a group's sender chain. Distinct from `message`: see `sender-key.ts`. */
  senderMessage: utf8('sotto/v1/group/message'),
  /** Blinding of account ids in the key log. */
  keyLogAccount: utf8('sotto/v1/key-log/account'),
  /** Digest of an account's identity in the key log. */
  keyLogDigest: utf8('sotto/v1/key-log/digest'),
  /** What a device hands to another one that it links; both keys and the device key follow it. */
  provisioning: utf8('sotto/v1/provisioning'),
  /** Name of the place where that is left, of both public keys of an offer. */
  provisioningChannel: utf8('sotto/v1/provisioning/channel'),
  /** Key that an account's devices encrypt their names under, from the identity seed. */
  deviceName: utf8('sotto/v1/device-name'),
  /** Keys of a store at rest, from its data key. */
  storeKeys: utf8('sotto/v1/store/keys'),
  /** A store's data key, wrapped. */
  storeWrap: utf8('sotto/v1/store/wrap'),
  /** One record of a store. */
  storeRecord: utf8('sotto/v1/store/record'),
  /** Keys by which those who share a store show that they know what opens it. */
  storeIntroduction: utf8('sotto/v1/store/introduction'),
  /** Keys of one backup, from its owner's recovery key. */
  backup: utf8('sotto/v1/backup'),
  /** Hash of one version of a device list. */
  deviceList: utf8('sotto/v1/device-list/hash'),
  /** Digest of the versions of all members' device lists. */
  deviceLists: utf8('sotto/v1/group/device-lists'),
  /** Hash that chains the entries of a membership log. */
  membershipLog: utf8('sotto/v1/membership-log/hash'),
  /** Files: fixed by C2SP chunked-encryption with AES-256-GCM; the zero byte ends the AEAD's name. */
  file: utf8('c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM\0'),
} as const;

/** First part of each signed message; {@link labelled} puts a zero byte behind it. */
export const SIGNATURE_LABELS = {
  signedPrekey: utf8('sotto/v1/sign/signed-prekey'),
  deviceList: utf8('sotto/v1/sign/device-list'),
  membershipEntry: utf8('sotto/v1/sign/membership-entry'),
  senderMessage: utf8('sotto/v1/sign/sender-message'),
  keyLogHead: utf8('sotto/v1/sign/key-log-head'),
  keyLogWitness: utf8('sotto/v1/sign/key-log-witness'),
  loginChallenge: utf8('sotto/v1/sign/login-challenge'),
} as const;

/** Name of a purpose that a key of ours signs for. */
export type SignaturePurpose = keyof typeof SIGNATURE_LABELS;

const zeroByte = Uint8Array.of(0);

/** label ‖ 0x00 ‖ message. No label contains a zero byte, so no two purposes share a message. */
export function labelled(label: Uint8Array, message: Uint8Array): Uint8Array {
  return concat(label, zeroByte, message);
}

/** HKDF-SHA256 (RFC 5869) of `keyMaterial`, cut into keys of 32 bytes. */
export function derivePair(
  provider: Provider,
  input: {
    readonly keyMaterial: Uint8Array;
    readonly salt: Uint8Array;
    readonly info: Uint8Array;
  },
): readonly [Uint8Array, Uint8Array] {
  const output = provider.hkdfSha256({ ...input, length: 64 });
  return [output.slice(0, 32), output.slice(32)];
}
