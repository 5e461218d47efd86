/**
 * Linking: what a device that belongs to an account hands to one that is to join it. The new device shows
 * an offer (a QR or pasted code) with a fresh X25519 key and its device key; the old one encrypts one
 * message to that key, and the server passes it on. The server never sees the offer, only the hash of its
 * keys: so it can neither read the message nor make another one.
 *
 * A door of its own, `@sotto/crypto/provisioning`: bundlers keep together what one door shows, and few pages link a device.
 */
import { decodeUuid, encodeUuid, UUID_BYTES } from './address.ts';
import { TAG_BYTES } from './aead.ts';
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import { assertInteger, assertLength, concat, isZero, utf8 } from './bytes.ts';
import { agree, makeAgreementKeyPair } from './curve.ts';
import { checkVerifyingKey } from './ed25519.ts';
import { CryptoError } from './errors.ts';
import { type Head, readHead, writeHead } from './head.ts';
import { KDF_LABELS, labelled } from './kdf.ts';
import {
  type AgreementKeyPair,
  type AgreementPublicKey,
  type SigningSeed,
  signingSeed,
  type VerifyingKey,
} from './keys.ts';
import { PROVISION_BYTES_MAX, PROVISION_CONTACTS_MAX } from './limits.ts';
import type { TreeRoot } from './merkle-tree.ts';
import { sizeClassOf } from './padding.ts';
import { checkPrekey } from './prekeys.ts';
import type { Provider } from './provider.ts';

/** What a new device shows, and nobody but its owner's other device may see. */
export interface LinkOffer {
  /** Of a key pair that is made for this offer and forgotten after it. */
  readonly ephemeralKey: AgreementPublicKey<'provisioning'>;
  readonly deviceKey: VerifyingKey<'device'>;
}

/** An account that the old device knows: its pinned identity, and the newest it saw of it. */
export interface ProvisionedContact {
  /** UUID of the account. */
  readonly user: string;
  /** Ed25519, 32 bytes. */
  readonly identityKey: Uint8Array;
  readonly keyLog?: Head;
  readonly deviceList?: Head;
}

/** The key log as the old device knows it, so that the new one cannot be shown another. */
export interface ProvisionedLog extends TreeRoot {
  /** Ed25519, 32 bytes. */
  readonly logKey: Uint8Array;
  readonly blindingKey: Uint8Array;
}

/** An encrypted file with recent history, which the platform holds for the new device. */
export interface ProvisionedHistory {
  /** UUID of the file. */
  readonly file: string;
  /** Opens that file and nothing else, 32 bytes. */
  readonly key: Uint8Array;
  /** SHA-256 of its ciphertext. */
  readonly digest: Uint8Array;
}

/** Everything that makes a device one of an account's. */
export interface Provision {
  /** UUID of the account. */
  readonly user: string;
  readonly username: string;
  /** UUID that the platform gave the new device. */
  readonly device: string;
  readonly identitySeed: SigningSeed<'identity'>;
  /** The account's newest device list, on which the one with the new device is to follow. */
  readonly deviceList: Head;
  /** The account's newest leaf in the key log. */
  readonly keyLog?: Head;
  readonly log?: ProvisionedLog;
  readonly history?: ProvisionedHistory;
  /** In ascending order of their ids, at most {@link PROVISION_CONTACTS_MAX}. */
  readonly contacts: readonly ProvisionedContact[];
}

const VERSION = 1;
const KEY_BYTES = 32;
const HAS_KEY_LOG = 1;
const HAS_DEVICE_LIST = 2;
const HAS_LOG = 4;
const HAS_HISTORY = 8;
const NO_SALT = new Uint8Array(32);

/** An offer as bytes, 65 of them: what the code stands for. */
export function encodeLinkOffer({ ephemeralKey, deviceKey }: LinkOffer): Uint8Array {
  return concat(Uint8Array.of(VERSION), ephemeralKey, deviceKey);
}

/** The inverse of {@link encodeLinkOffer}. Throws `encoding.*`, and `key.*` for a key that is not sound. */
export function decodeLinkOffer(provider: Provider, bytes: Uint8Array): LinkOffer {
  const reader = new ByteReader(bytes);
  if (reader.u8() !== VERSION) throw new CryptoError('encoding.unsupported', 'link offer');
  const ephemeralKey = reader.bytes(KEY_BYTES);
  const deviceKey = reader.bytes(KEY_BYTES);
  reader.end();
  return {
    ephemeralKey: checkPrekey<'provisioning'>(provider, ephemeralKey),
    deviceKey: checkVerifyingKey<'device'>(provider, deviceKey),
  };
}

/**
 * The name under which the server holds the message for an offer: a hash of both its keys, so that the answer to an
 * offer in which somebody has swapped one of them is not where its device looks.
 */
export function linkChannel(
  provider: Provider,
  { ephemeralKey, deviceKey }: LinkOffer,
): Uint8Array {
  const keys = concat(ephemeralKey, deviceKey);
  return provider.sha256(labelled(KDF_LABELS.provisioningChannel, keys));
}

/**
 * Encrypts a provision for an offer, under a key pair of this message alone: version ‖ public key ‖
 * ciphertext. Store it before it leaves, and send those bytes again rather than others. Throws
 * `input.invalid` for what {@link openProvision} would refuse.
 */
export function sealProvision(
  provider: Provider,
  offer: LinkOffer,
  provision: Provision,
): Uint8Array {
  const { secretKey, publicKey } = makeAgreementKeyPair<'provisioning'>(provider);
  const header = concat(Uint8Array.of(VERSION), publicKey);
  const secret = agree(provider, secretKey, offer.ephemeralKey);
  const keys = deriveKeys(provider, { secret, offer, senderKey: publicKey });
  const data = encodeProvision(provision);
  return concat(header, provider.aesGcmSeal({ ...keys, associatedData: header, data }));
}

/** The secret half of what a new device has shown. */
export interface OpenOffer {
  readonly ephemeral: AgreementKeyPair<'provisioning'>;
  readonly deviceKey: VerifyingKey<'device'>;
}

/**
 * Decrypts what came for an offer of ours. Throws `encoding.*`, `key.*` for an unsound key, and
 * `message.undecryptable` for a message to another offer or a changed one. Forget the offer's secret
 * key once the provision is stored.
 */
export function openProvision(
  provider: Provider,
  { ephemeral, deviceKey }: OpenOffer,
  message: Uint8Array,
): Provision {
  if (message.length > PROVISION_BYTES_MAX) throw malformed('a provision is too long');
  const reader = new ByteReader(message);
  if (reader.u8() !== VERSION) throw new CryptoError('encoding.unsupported', 'provision');
  const senderKey = checkPrekey<'provisioning'>(provider, reader.bytes(KEY_BYTES));
  const data = reader.rest();
  if (data.length < TAG_BYTES) throw malformed('a provision is too short');
  const secret = agree(provider, ephemeral.secretKey, senderKey);
  const offer = { ephemeralKey: ephemeral.publicKey, deviceKey };
  const keys = deriveKeys(provider, { secret, offer, senderKey });
  const associatedData = message.subarray(0, 1 + KEY_BYTES);
  const plaintext = provider.aesGcmOpen({ ...keys, associatedData, data });
  if (plaintext === undefined) {
    throw new CryptoError('message.undecryptable', 'the provision does not authenticate');
  }
  return decodeProvision(plaintext);
}

/** Both public keys and the device key are in the derivation: a message is for one offer only. */
function deriveKeys(
  provider: Provider,
  {
    secret,
    offer,
    senderKey,
  }: {
    readonly secret: Uint8Array;
    readonly offer: LinkOffer;
    readonly senderKey: AgreementPublicKey<'provisioning'>;
  },
) {
  const transcript = concat(offer.ephemeralKey, offer.deviceKey, senderKey);
  const info = labelled(KDF_LABELS.provisioning, transcript);
  const output = provider.hkdfSha256({ keyMaterial: secret, salt: NO_SALT, info, length: 44 });
  return { key: output.subarray(0, 32), nonce: output.subarray(32) };
}

/** The plaintext, with zeros up to its size class. Throws `input.invalid`. */
export function encodeProvision(provision: Provision): Uint8Array {
  const { username, identitySeed, keyLog, log, history, contacts } = provision;
  const name = utf8(username);
  assertInteger(name.length, { min: 1, max: 255 }, 'the length of a username');
  assertInteger(contacts.length, { min: 0, max: PROVISION_CONTACTS_MAX }, 'the count of contacts');
  if (!isAscending(contacts)) throw new CryptoError('input.invalid', 'contacts are out of order');
  const writer = new ByteWriter(1024 + contacts.length * 121)
    .u8((keyLog ? HAS_KEY_LOG : 0) | (log ? HAS_LOG : 0) | (history ? HAS_HISTORY : 0))
    .bytes(encodeUuid(provision.user))
    .bytes(encodeUuid(provision.device))
    .u8(name.length)
    .bytes(name)
    .bytes(identitySeed);
  writeHead(writer, provision.deviceList);
  if (keyLog) writeHead(writer, keyLog);
  if (log) writeLog(writer, log);
  if (history) writeHistory(writer, history);
  writer.u16(contacts.length);
  for (const contact of contacts) writeContact(writer, contact);
  const fields = writer.finish();
  return concat(fields, new Uint8Array(sizeClassOf(fields.length) - fields.length));
}

/** The inverse of {@link encodeProvision}; throws `encoding.invalid`. */
export function decodeProvision(plaintext: Uint8Array): Provision {
  const reader = new ByteReader(plaintext);
  const flags = reader.u8();
  if ((flags & ~(HAS_KEY_LOG | HAS_LOG | HAS_HISTORY)) !== 0) throw malformed('an unknown flag');
  const user = decodeUuid(reader.bytes(UUID_BYTES));
  const device = decodeUuid(reader.bytes(UUID_BYTES));
  const username = readName(reader);
  const identitySeed = signingSeed<'identity'>(reader.bytes(KEY_BYTES));
  const deviceList = readHead(reader);
  const keyLog = flags & HAS_KEY_LOG ? { keyLog: readHead(reader) } : {};
  const log = flags & HAS_LOG ? { log: readLog(reader) } : {};
  const history = flags & HAS_HISTORY ? { history: readHistory(reader) } : {};
  const count = reader.u16();
  if (count > PROVISION_CONTACTS_MAX) throw malformed('too many contacts');
  const contacts = Array.from({ length: count }, () => readContact(reader));
  if (!isAscending(contacts)) throw malformed('contacts are out of order');
  const padding = reader.rest();
  if (!isZero(padding) || plaintext.length !== sizeClassOf(plaintext.length - padding.length)) {
    throw malformed('not padded to its size class');
  }
  const handed = { ...keyLog, ...log, ...history, contacts };
  return { user, username, device, identitySeed, deviceList, ...handed };
}

function writeLog(writer: ByteWriter, { logKey, blindingKey, size, root }: ProvisionedLog): void {
  for (const bytes of [logKey, blindingKey, root]) assertLength(bytes, 32, 'a key or hash');
  writer.bytes(logKey).bytes(blindingKey).u64(size).bytes(root);
}

function readLog(reader: ByteReader): ProvisionedLog {
  const logKey = reader.bytes(KEY_BYTES);
  const blindingKey = reader.bytes(KEY_BYTES);
  return { logKey, blindingKey, size: reader.u64(), root: reader.bytes(32) };
}

function writeHistory(writer: ByteWriter, { file, key, digest }: ProvisionedHistory): void {
  for (const bytes of [key, digest]) assertLength(bytes, 32, 'a key or hash');
  writer.bytes(encodeUuid(file)).bytes(key).bytes(digest);
}

function readHistory(reader: ByteReader): ProvisionedHistory {
  const file = decodeUuid(reader.bytes(UUID_BYTES));
  return { file, key: reader.bytes(KEY_BYTES), digest: reader.bytes(32) };
}

function writeContact(writer: ByteWriter, contact: ProvisionedContact): void {
  const { user, identityKey, keyLog, deviceList } = contact;
  assertLength(identityKey, KEY_BYTES, 'an identity key');
  writer
    .bytes(encodeUuid(user))
    .bytes(identityKey)
    .u8((keyLog ? HAS_KEY_LOG : 0) | (deviceList ? HAS_DEVICE_LIST : 0));
  if (keyLog) writeHead(writer, keyLog);
  if (deviceList) writeHead(writer, deviceList);
}

function readContact(reader: ByteReader): ProvisionedContact {
  const user = decodeUuid(reader.bytes(UUID_BYTES));
  const identityKey = reader.bytes(KEY_BYTES);
  const flags = reader.u8();
  if (flags > (HAS_KEY_LOG | HAS_DEVICE_LIST)) throw malformed('an unknown flag');
  const keyLog = flags & HAS_KEY_LOG ? { keyLog: readHead(reader) } : {};
  const deviceList = flags & HAS_DEVICE_LIST ? { deviceList: readHead(reader) } : {};
  return { user, identityKey, ...keyLog, ...deviceList };
}

function readName(reader: ByteReader): string {
  const bytes = reader.bytes(reader.u8());
  try {
    if (bytes.length === 0) throw malformed('no username');
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new CryptoError('encoding.invalid', 'not a username', { cause });
  }
}

function isAscending(contacts: readonly ProvisionedContact[]): boolean {
  return contacts.every(({ user }, index) => index === 0 || contacts[index - 1]!.user < user);
}

function malformed(message: string): CryptoError {
  return new CryptoError('encoding.invalid', message);
}
