/**
 * The encodings of group messages and of the distribution messages that open them. Their kinds follow
 * on the pairwise ones of `wire.ts`, so that no decoder takes what is another's.
 */
import { decodeUuid, encodeUuid, UUID_BYTES } from './address.ts';
import { SALT_BYTES, TAG_BYTES } from './aead.ts';
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import type { Chain } from './chain.ts';
import { SIGNATURE_BYTES } from './ed25519.ts';
import { CryptoError } from './errors.ts';
import { symmetricKey } from './keys.ts';
import { COUNTER_MAX, MESSAGE_BYTES_MAX } from './limits.ts';
import { SUITE_CLASSIC, WIRE_VERSION } from './suites.ts';

const KIND_GROUP = 3;
const KIND_DISTRIBUTION = 4;
const HEADER_BYTES = 3 + 4 + 4 + SALT_BYTES;
const DISTRIBUTION_BYTES = 3 + UUID_BYTES + 4 + 4 + 32 + 32;

/** What precedes the ciphertext of a group message. */
export interface GroupHeader {
  readonly chainId: number;
  /** Number of this message in its chain, from 0. */
  readonly counter: number;
  readonly salt: Uint8Array;
}

/** A decoded group message. */
export interface GroupMessage extends GroupHeader {
  /** The header as it was received: part of the associated data. */
  readonly encodedHeader: Uint8Array;
  readonly ciphertext: Uint8Array;
  readonly signature: Uint8Array;
}

/** What a member gets to follow a chain from its counter on. */
export interface Distribution {
  /** UUID of the conversation. */
  readonly conversation: string;
  readonly chainId: number;
  readonly chain: Chain;
  /** Ed25519, 32 bytes. Unchecked. */
  readonly verifyingKey: Uint8Array;
}

/** The header of a group message. */
export function encodeGroupHeader({ chainId, counter, salt }: GroupHeader): Uint8Array {
  return writePrefix(new ByteWriter(HEADER_BYTES), KIND_GROUP)
    .u32(chainId)
    .u32(counter)
    .bytes(salt)
    .finish();
}

/** Header, ciphertext and signature of a group message. Throws `encoding.*`. */
export function decodeGroupMessage(message: Uint8Array): GroupMessage {
  const reader = new ByteReader(message);
  readPrefix(reader, KIND_GROUP);
  const chainId = reader.u32();
  const counter = reader.u32();
  const salt = reader.bytes(SALT_BYTES);
  const ciphertextBytes = reader.remaining - SIGNATURE_BYTES;
  if (counter > COUNTER_MAX) throw malformed('a counter out of range');
  if (ciphertextBytes < TAG_BYTES) throw malformed('no room for tag and signature');
  if (message.length > MESSAGE_BYTES_MAX) throw malformed('the message is too long');
  const encodedHeader = message.slice(0, HEADER_BYTES);
  const ciphertext = reader.bytes(ciphertextBytes);
  return { chainId, counter, salt, encodedHeader, ciphertext, signature: reader.rest() };
}

/** A distribution message; it is secret. Throws `input.invalid` for a conversation that is no UUID. */
export function encodeDistributionMessage(distribution: Distribution): Uint8Array {
  return writePrefix(new ByteWriter(DISTRIBUTION_BYTES), KIND_DISTRIBUTION)
    .bytes(encodeUuid(distribution.conversation))
    .u32(distribution.chainId)
    .u32(distribution.chain.counter)
    .bytes(distribution.chain.key)
    .bytes(distribution.verifyingKey)
    .finish();
}

/** The inverse of {@link encodeDistributionMessage}; throws `encoding.*`. */
export function decodeDistributionMessage(bytes: Uint8Array): Distribution {
  const reader = new ByteReader(bytes);
  readPrefix(reader, KIND_DISTRIBUTION);
  const conversation = decodeUuid(reader.bytes(UUID_BYTES));
  const chainId = reader.u32();
  const counter = reader.u32();
  const key = symmetricKey<'chain'>(reader.bytes(32));
  const verifyingKey = reader.bytes(32);
  reader.end();
  if (counter > COUNTER_MAX) throw malformed('a counter out of range');
  return { conversation, chainId, chain: { key, counter }, verifyingKey };
}

function writePrefix(writer: ByteWriter, kind: number): ByteWriter {
  return writer.u8(WIRE_VERSION).u8(SUITE_CLASSIC).u8(kind);
}

function readPrefix(reader: ByteReader, kind: number): void {
  if (reader.u8() !== WIRE_VERSION || reader.u8() !== SUITE_CLASSIC) {
    throw new CryptoError('encoding.unsupported', 'an unknown message version or suite');
  }
  if (reader.u8() !== kind) throw malformed('another kind of message');
}

function malformed(message: string): CryptoError {
  return new CryptoError('encoding.invalid', message);
}
