/** The state of a Double Ratchet (section 3.2) and its encoding, version 1. */
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import type { Chain } from './chain.ts';
import { CryptoError } from './errors.ts';
import {
  type AgreementKeyPair,
  type AgreementPublicKey,
  agreementPublicKey,
  agreementSecretKey,
  type SymmetricKey,
  symmetricKey,
} from './keys.ts';
import { SKIPPED_KEYS_MAX } from './limits.ts';
import { SKIPPED_ENTRY_BYTES, type SkippedKeys } from './skipped-keys.ts';

/** The other side's newest ratchet key, and where we are in the chain that it sends under. */
export interface Remote {
  readonly ratchetKey: AgreementPublicKey<'ratchet'>;
  /** Absent while the key is their signed prekey, under which they never send. */
  readonly chain: Chain | undefined;
}

/**
 * One end of a ratchet. Plain data; every transition makes a new one.
 *
 * - started, nothing received: `remote` without a chain, and a sending chain;
 * - accepted, nothing decrypted: neither;
 * - their newest key received, not answered: `remote` with a chain, no sending chain. The next ratchet
 *   key is made only when something is sent (section 8.2 of the specification: deferring);
 * - answered: both.
 */
export interface RatchetState {
  /** Transcript hash of the session, 32 bytes: AD of section 3.4. */
  readonly associatedData: Uint8Array;
  readonly rootKey: SymmetricKey<'root'>;
  readonly ours: AgreementKeyPair<'ratchet'>;
  readonly remote: Remote | undefined;
  readonly sending: Chain | undefined;
  /** Messages in our previous sending chain: PN. */
  readonly previousCounter: number;
  readonly skipped: SkippedKeys;
}

const VERSION = 1;
const HAS_REMOTE = 1;
const HAS_RECEIVING = 2;
const HAS_SENDING = 4;
const FIXED_BYTES = 2 + 32 * 4 + 4 + 32 + 2 * 36 + 2;

/** The state as bytes: about 240, and 68 for each skipped key. */
export function encodeRatchetState(state: RatchetState): Uint8Array {
  const { remote, sending, skipped } = state;
  const receiving = remote?.chain;
  const flags =
    (remote ? HAS_REMOTE : 0) | (receiving ? HAS_RECEIVING : 0) | (sending ? HAS_SENDING : 0);
  const writer = new ByteWriter(FIXED_BYTES + skipped.length)
    .u8(VERSION)
    .u8(flags)
    .bytes(state.associatedData)
    .bytes(state.rootKey)
    .bytes(state.ours.secretKey)
    .bytes(state.ours.publicKey)
    .u32(state.previousCounter);
  if (remote) writer.bytes(remote.ratchetKey);
  if (receiving) writer.bytes(receiving.key).u32(receiving.counter);
  if (sending) writer.bytes(sending.key).u32(sending.counter);
  return writer
    .u16(skipped.length / SKIPPED_ENTRY_BYTES)
    .bytes(skipped)
    .finish();
}

/**
 * The inverse of {@link encodeRatchetState}. Throws `encoding.unsupported` for another version and
 * `encoding.invalid` for everything else that was not written by it.
 */
export function decodeRatchetState(bytes: Uint8Array): RatchetState {
  const reader = new ByteReader(bytes);
  if (reader.u8() !== VERSION) throw new CryptoError('encoding.unsupported', 'ratchet state');
  const flags = reader.u8();
  if (flags > 7 || (flags & HAS_RECEIVING && !(flags & HAS_REMOTE))) {
    throw new CryptoError('encoding.invalid', 'ratchet state flags');
  }
  const associatedData = reader.bytes(32);
  const rootKey = symmetricKey<'root'>(reader.bytes(32));
  const secretKey = agreementSecretKey<'ratchet'>(reader.bytes(32));
  const publicKey = agreementPublicKey<'ratchet'>(reader.bytes(32));
  const previousCounter = reader.u32();
  const remote = flags & HAS_REMOTE ? readRemote(reader, flags) : undefined;
  const sending = flags & HAS_SENDING ? readChain(reader) : undefined;
  const skipped = readSkipped(reader);
  reader.end();
  const ours = { secretKey, publicKey };
  return { associatedData, rootKey, ours, remote, sending, previousCounter, skipped };
}

function readRemote(reader: ByteReader, flags: number): Remote {
  const ratchetKey = agreementPublicKey<'ratchet'>(reader.bytes(32));
  return { ratchetKey, chain: flags & HAS_RECEIVING ? readChain(reader) : undefined };
}

function readChain(reader: ByteReader): Chain {
  return { key: symmetricKey<'chain'>(reader.bytes(32)), counter: reader.u32() };
}

function readSkipped(reader: ByteReader): SkippedKeys {
  const count = reader.u16();
  if (count > SKIPPED_KEYS_MAX) throw new CryptoError('encoding.invalid', 'too many skipped keys');
  return reader.bytes(count * SKIPPED_ENTRY_BYTES);
}
