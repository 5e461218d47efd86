/**
 * Device lists: the devices of an account, signed by its identity key, so that a server can neither
 * add one nor take one away. Each version names the hash of the one before it; the owner signs a new
 * version weekly even when nothing changed, so that an old one cannot be shown for long.
 */
import { decodeUuid, encodeUuid, UUID_BYTES } from './address.ts';
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import { assertInteger, assertLength, concat, equal } from './bytes.ts';
import { SIGNATURE_BYTES, signStatement, verifyStatement } from './ed25519.ts';
import { CryptoError } from './errors.ts';
import { compareHeads, type Head } from './head.ts';
import { KDF_LABELS, labelled } from './kdf.ts';
import type { Identity, IdentityKey } from './keys.ts';
import {
  DEVICE_LIST_AGE_MS_MAX,
  DEVICE_LIST_AHEAD_MS_MAX,
  DEVICES_MAX,
  REGISTRATION_ID_MAX,
} from './limits.ts';
import type { Provider } from './provider.ts';

/** One device of an account. */
export interface DeviceEntry {
  /** UUID of the device. */
  readonly device: string;
  /** Ed25519, 32 bytes: signs log-in challenges and request proofs. */
  readonly deviceKey: Uint8Array;
  /** 1 to 16383. */
  readonly registrationId: number;
}

/** One version of an account's device list. */
export interface DeviceList {
  /** UUID of the account. */
  readonly user: string;
  /** 1 for the first. */
  readonly version: number;
  /** Hash of the version before; 32 zero bytes for the first. */
  readonly previousHash: Uint8Array;
  /** When it was signed: milliseconds since 1970 by the clock of the device that did. */
  readonly time: number;
  /** In ascending order of their ids; at least one. */
  readonly devices: readonly DeviceEntry[];
}

/** A device list whose signature was verified. */
export interface VerifiedDeviceList {
  readonly list: DeviceList;
  /** Version and hash, to remember and to put into envelopes. */
  readonly head: Head;
  /**
   * What to tell the user: `stale` when it is older than 14 days (someone may hold back a newer one),
   * `ahead` when it was signed more than a day from now (a wrong clock, and it would never turn stale).
   */
  readonly warning: 'stale' | 'ahead' | undefined;
}

const VERSION = 1;
const NO_HASH = new Uint8Array(32);
const FIXED_BYTES = 1 + UUID_BYTES + 4 + 32 + 8 + 1;
const ENTRY_BYTES = UUID_BYTES + 32 + 2;

/**
 * Signs the version that follows on `previous`, or the first. The devices may be in any order. Throws
 * `input.invalid` for none, more than six, one named twice, or a value out of range.
 */
export function signDeviceList(
  provider: Provider,
  identity: Identity,
  next: Pick<DeviceList, 'user' | 'time' | 'devices'> & { readonly previous: Head | undefined },
): { readonly encoded: Uint8Array; readonly head: Head } {
  const { user, time, previous } = next;
  const devices = next.devices.toSorted((a, b) => (a.device < b.device ? -1 : 1));
  const version = (previous?.version ?? 0) + 1;
  const previousHash = previous?.hash ?? NO_HASH;
  const message = encodeList({ user, version, previousHash, time, devices });
  const signature = signStatement(provider, identity.seed, { purpose: 'deviceList', message });
  const encoded = concat(message, signature);
  return { encoded, head: { version, hash: hashOf(provider, encoded) } };
}

/** What a device list is held against. */
export interface DeviceListExpectation {
  /** UUID of the account that it was asked for. */
  readonly user: string;
  /** The account's identity, pinned or from a verified bundle. */
  readonly identityKey: IdentityKey;
  /** The newest version seen so far. */
  readonly previous: Head | undefined;
  /** Milliseconds since 1970. */
  readonly now: number;
}

/**
 * Verifies a device list. Throws `encoding.*`; `signature.invalid` when it is not this identity's or
 * not this account's; `head.rolled-back` when it is older than `previous`; `head.forked` when it is
 * another list of the same version, or does not follow on it though it is the next.
 */
export function verifyDeviceList(
  provider: Provider,
  encoded: Uint8Array,
  { user, identityKey, previous, now }: DeviceListExpectation,
): VerifiedDeviceList {
  const { list, signature } = decodeDeviceList(encoded);
  const message = encoded.subarray(0, encoded.length - SIGNATURE_BYTES);
  const statement = { purpose: 'deviceList', message, signature } as const;
  if (list.user !== user || !verifyStatement(provider, identityKey, statement)) {
    throw new CryptoError('signature.invalid', 'the device list is not signed by the identity');
  }
  const head = { version: list.version, hash: hashOf(provider, encoded) };
  const verified = { list, head, warning: warningOf(list.time, now) };
  checkFollows(verified, previous);
  return verified;
}

/**
 * The cheap part of {@link verifyDeviceList}: holds a list that was verified against the newest version
 * seen, for a caller that has verified it against none. Throws as that does.
 */
export function checkFollows(
  { list, head }: Pick<VerifiedDeviceList, 'list' | 'head'>,
  previous: Head | undefined,
): void {
  compareHeads(previous, head);
  const isNext = previous && list.version === previous.version + 1;
  if (isNext && !equal(list.previousHash, previous.hash)) {
    throw new CryptoError('head.forked', 'the device list follows on another one');
  }
}

/**
 * Takes a list and its signature apart without verifying anything; for {@link verifyDeviceList}, and for
 * showing what was refused. Throws `encoding.*`.
 */
export function decodeDeviceList(encoded: Uint8Array): {
  readonly list: DeviceList;
  readonly signature: Uint8Array;
} {
  const reader = new ByteReader(encoded);
  if (reader.u8() !== VERSION) throw new CryptoError('encoding.unsupported', 'device list');
  const user = decodeUuid(reader.bytes(UUID_BYTES));
  const version = reader.u32();
  const previousHash = reader.bytes(32);
  const time = reader.time();
  const count = reader.u8();
  if (count > DEVICES_MAX) throw malformed('too many devices');
  const devices = Array.from({ length: count }, () => readEntry(reader));
  const signature = reader.bytes(SIGNATURE_BYTES);
  reader.end();
  const list = { user, version, previousHash, time, devices };
  if (!isSound(list)) throw malformed('not a device list');
  return { list, signature };
}

/** What is signed. Throws `input.invalid` for a list that {@link decodeDeviceList} would refuse. */
function encodeList(list: DeviceList): Uint8Array {
  assertInteger(list.devices.length, { min: 1, max: DEVICES_MAX }, 'the number of devices');
  if (!isSound(list)) throw new CryptoError('input.invalid', 'not a device list');
  const writer = new ByteWriter(FIXED_BYTES + list.devices.length * ENTRY_BYTES)
    .u8(VERSION)
    .bytes(encodeUuid(list.user))
    .u32(list.version)
    .bytes(list.previousHash)
    .time(list.time)
    .u8(list.devices.length);
  for (const { device, deviceKey, registrationId } of list.devices) {
    assertLength(deviceKey, 32, 'a device key');
    writer.bytes(encodeUuid(device)).bytes(deviceKey).u16(registrationId);
  }
  return writer.finish();
}

/** What holds for every list beyond the form of its fields. */
function isSound({ version, previousHash, devices }: DeviceList): boolean {
  const chained = equal(previousHash, NO_HASH) === (version === 1);
  const ascending = devices.every(
    ({ device }, index) => index === 0 || devices[index - 1]!.device < device,
  );
  const registered = devices.every(
    ({ registrationId }) => registrationId >= 1 && registrationId <= REGISTRATION_ID_MAX,
  );
  return version >= 1 && devices.length >= 1 && chained && ascending && registered;
}

function readEntry(reader: ByteReader): DeviceEntry {
  const device = decodeUuid(reader.bytes(UUID_BYTES));
  const deviceKey = reader.bytes(32);
  return { device, deviceKey, registrationId: reader.u16() };
}

/** The hash that heads and the next version carry; it covers the signature. */
function hashOf(provider: Provider, encoded: Uint8Array): Uint8Array {
  return provider.sha256(labelled(KDF_LABELS.deviceList, encoded));
}

function warningOf(time: number, now: number): VerifiedDeviceList['warning'] {
  if (now - time > DEVICE_LIST_AGE_MS_MAX) return 'stale';
  return time - now > DEVICE_LIST_AHEAD_MS_MAX ? 'ahead' : undefined;
}

function malformed(message: string): CryptoError {
  return new CryptoError('encoding.invalid', message);
}
