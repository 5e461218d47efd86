/**
 * Safety numbers: 60 digits, or a code to scan, that two people compare to know that no one stands
 * between them. Equal to Signal's for the same keys and account ids, in both suites.
 */
import { encodeUuid } from './address.ts';
import { ByteReader } from './byte-reader.ts';
import { concat, equal } from './bytes.ts';
import { agreementKeyOf } from './curve.ts';
import { CryptoError } from './errors.ts';
import { type IdentityKey, withCurveType } from './keys.ts';
import type { Provider } from './provider.ts';

/** One side of a safety number. */
export interface FingerprintParty {
  /** UUID of the account. */
  readonly user: string;
  readonly identityKey: IdentityKey;
}

/** A safety number in both its forms. */
export interface SafetyNumber {
  /** 60 digits, the same on both sides; shown as twelve groups of five. */
  readonly digits: string;
  /** 74 bytes for a QR code, other on each side; see {@link matchesScanned}. */
  readonly scannable: Uint8Array;
}

/** Makes a second key that gives the same digits dear to find: 2¹² times dearer than one hash would. */
const ROUNDS = 5200;
const FINGERPRINT_BYTES = 32;
const DIGIT_GROUPS = 6;
const SCANNABLE_VERSION = 2;

/**
 * The safety number of two accounts; about 10 ms in Node, some times that in a browser. Throws
 * `input.invalid` for a user that is no UUID and `key.invalid` for an identity that is no point.
 */
export function safetyNumber(
  provider: Provider,
  { local, remote }: { readonly local: FingerprintParty; readonly remote: FingerprintParty },
): SafetyNumber {
  const ours = fingerprintOf(provider, local);
  const theirs = fingerprintOf(provider, remote);
  const digits = [digitsOf(ours), digitsOf(theirs)].sort().join('');
  return { digits, scannable: encodeScannable(ours, theirs) };
}

/**
 * Whether what was scanned from the other side's screen belongs to our own `scannable`: it has our half
 * as theirs and theirs as ours. False is an alarm. Throws `encoding.*` for a code that is no safety number.
 */
export function matchesScanned(ours: Uint8Array, scanned: Uint8Array): boolean {
  const own = decodeScannable(ours);
  const other = decodeScannable(scanned);
  const same = equal(own.local, other.remote);
  return equal(own.remote, other.local) && same;
}

/** SHA-512 of 0x0000 ‖ key ‖ id ‖ key, then 5 199 times of hash ‖ key; the key as 0x05 ‖ u. */
function fingerprintOf(provider: Provider, { user, identityKey }: FingerprintParty): Uint8Array {
  const key = withCurveType(agreementKeyOf(identityKey));
  let hash = provider.sha512(concat(new Uint8Array(2), key, encodeUuid(user), key));
  for (let round = 1; round < ROUNDS; round++) hash = provider.sha512(concat(hash, key));
  return hash;
}

/** Six groups of five digits, each from five bytes: the big-endian number modulo 100 000. */
function digitsOf(fingerprint: Uint8Array): string {
  const reader = new ByteReader(fingerprint);
  const group = () => (reader.u8() * 2 ** 32 + reader.u32()) % 100_000;
  return Array.from({ length: DIGIT_GROUPS }, () => `${group()}`.padStart(5, '0')).join('');
}

// Protocol Buffers by hand, since the encoding has one form only: field 1 the version, fields 2 and 3
// messages with the first 32 bytes of our and of their fingerprint as field 1.
const VERSION_FIELD = Uint8Array.of(0x08, SCANNABLE_VERSION);
const LOCAL_FIELD = Uint8Array.of(0x12, FINGERPRINT_BYTES + 2, 0x0a, FINGERPRINT_BYTES);
const REMOTE_FIELD = Uint8Array.of(0x1a, FINGERPRINT_BYTES + 2, 0x0a, FINGERPRINT_BYTES);

function encodeScannable(local: Uint8Array, remote: Uint8Array): Uint8Array {
  const [ours, theirs] = [local, remote].map((hash) => hash.subarray(0, FINGERPRINT_BYTES));
  return concat(VERSION_FIELD, LOCAL_FIELD, ours!, REMOTE_FIELD, theirs!);
}

function decodeScannable(bytes: Uint8Array): { local: Uint8Array; remote: Uint8Array } {
  const reader = new ByteReader(bytes);
  const version = reader.bytes(VERSION_FIELD.length);
  if (version[0] === VERSION_FIELD[0] && version[1] !== SCANNABLE_VERSION) {
    throw new CryptoError('encoding.unsupported', 'another version of safety numbers');
  }
  expectField(version, VERSION_FIELD);
  expectField(reader.bytes(LOCAL_FIELD.length), LOCAL_FIELD);
  const local = reader.bytes(FINGERPRINT_BYTES);
  expectField(reader.bytes(REMOTE_FIELD.length), REMOTE_FIELD);
  const remote = reader.bytes(FINGERPRINT_BYTES);
  reader.end();
  return { local, remote };
}

function expectField(bytes: Uint8Array, field: Uint8Array): void {
  if (!equal(bytes, field)) throw new CryptoError('encoding.invalid', 'not a safety number');
}
