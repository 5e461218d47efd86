/**
 * The encodings of pairwise messages, suite classic. See `docs/wire.md`. All integers are big-endian,
 * every field has a fixed length but the ciphertext, and a decoder takes exactly what an encoder gives.
 */
import { SALT_BYTES, TAG_BYTES } from './aead.ts';
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import { CryptoError } from './errors.ts';
import { COUNTER_MAX, MESSAGE_BYTES_MAX, REGISTRATION_ID_MAX } from './limits.ts';
import { SUITE_CLASSIC, WIRE_VERSION } from './suites.ts';

const KIND_FIRST = 1;
const KIND_ONGOING = 2;
const PREFIX_BYTES = 3;

/** Bytes of an encoded {@link MessageHeader}. */
export const HEADER_BYTES = PREFIX_BYTES + 32 + 4 + 4 + SALT_BYTES;
/** Bytes of an encoded {@link Handshake}. */
export const HANDSHAKE_BYTES = 2 + 4 + 4 + 32 + 32;

/** What precedes the ciphertext of a ratchet message (Double Ratchet section 3.4, HEADER). */
export interface MessageHeader {
  /** The sender's ratchet public key. Unchecked: the ratchet checks a key that is new to it. */
  readonly ratchetKey: Uint8Array;
  /** Messages in the sender's previous sending chain. */
  readonly previousCounter: number;
  /** Number of this message in its chain, from 0. */
  readonly counter: number;
  readonly salt: Uint8Array;
}

/** A decoded ratchet message. */
export interface RatchetMessage extends MessageHeader {
  /** The header as it was received: part of the associated data. */
  readonly encodedHeader: Uint8Array;
  readonly ciphertext: Uint8Array;
}

/** What the initiator adds to its messages until the first answer (X3DH section 3.3). */
export interface Handshake {
  readonly registrationId: number;
  readonly signedPrekeyId: number;
  readonly oneTimePrekeyId: number | undefined;
  /** The initiator's identity, Ed25519. Unchecked. */
  readonly identityKey: Uint8Array;
  /** The initiator's ephemeral key. Unchecked. */
  readonly baseKey: Uint8Array;
}

/** A message taken apart as far as its outer layer. */
export type ParsedMessage =
  | { readonly kind: 'first'; readonly handshake: Uint8Array; readonly inner: Uint8Array }
  | { readonly kind: 'ongoing'; readonly inner: Uint8Array };

/** The header of a ratchet message, {@link HEADER_BYTES} long. */
export function encodeHeader(header: MessageHeader): Uint8Array {
  return writePrefix(new ByteWriter(HEADER_BYTES), KIND_ONGOING)
    .bytes(header.ratchetKey)
    .u32(header.previousCounter)
    .u32(header.counter)
    .bytes(header.salt)
    .finish();
}

/** Decodes a ratchet message. Throws `encoding.invalid` or `encoding.unsupported`. */
export function decodeRatchetMessage(message: Uint8Array): RatchetMessage {
  const reader = new ByteReader(message);
  if (readKind(reader) !== KIND_ONGOING) throw malformed('not a ratchet message');
  const ratchetKey = reader.bytes(32);
  const previousCounter = reader.u32();
  const counter = reader.u32();
  const salt = reader.bytes(SALT_BYTES);
  if (counter > COUNTER_MAX) throw malformed('a counter out of range');
  if (reader.remaining < TAG_BYTES) throw malformed('no room for an authentication tag');
  const encodedHeader = message.slice(0, HEADER_BYTES);
  return { ratchetKey, previousCounter, counter, salt, encodedHeader, ciphertext: reader.rest() };
}

/** The handshake part of a first message, {@link HANDSHAKE_BYTES} long. */
export function encodeHandshake(handshake: Handshake): Uint8Array {
  return new ByteWriter(HANDSHAKE_BYTES)
    .u16(handshake.registrationId)
    .u32(handshake.signedPrekeyId)
    .u32(handshake.oneTimePrekeyId ?? 0)
    .bytes(handshake.identityKey)
    .bytes(handshake.baseKey)
    .finish();
}

/** The inverse of {@link encodeHandshake}; throws `encoding.invalid`. */
export function decodeHandshake(handshake: Uint8Array): Handshake {
  const reader = new ByteReader(handshake);
  const registrationId = reader.u16();
  const signedPrekeyId = reader.u32();
  const oneTimePrekeyId = reader.u32();
  const identityKey = reader.bytes(32);
  const baseKey = reader.bytes(32);
  reader.end();
  if (registrationId < 1 || registrationId > REGISTRATION_ID_MAX) {
    throw malformed('a registration id out of range');
  }
  if (signedPrekeyId === 0) throw malformed('no signed prekey');
  return {
    registrationId,
    signedPrekeyId,
    oneTimePrekeyId: oneTimePrekeyId === 0 ? undefined : oneTimePrekeyId,
    identityKey,
    baseKey,
  };
}

/** A ratchet message with the handshake before it. */
export function encodeFirstMessage(handshake: Uint8Array, inner: Uint8Array): Uint8Array {
  const writer = new ByteWriter(PREFIX_BYTES + handshake.length + inner.length);
  return writePrefix(writer, KIND_FIRST).bytes(handshake).bytes(inner).finish();
}

/**
 * Tells a first message from an ongoing one and takes the handshake off. Throws `encoding.invalid`
 * for what no sender produces and `encoding.unsupported` for another version or suite.
 */
export function parseMessage(message: Uint8Array): ParsedMessage {
  if (message.length > MESSAGE_BYTES_MAX) throw malformed('the message is too long');
  const reader = new ByteReader(message);
  const kind = readKind(reader);
  if (kind === KIND_ONGOING) return { kind: 'ongoing', inner: message };
  if (kind !== KIND_FIRST) throw malformed('an unknown kind of message');
  return { kind: 'first', handshake: reader.bytes(HANDSHAKE_BYTES), inner: reader.rest() };
}

function writePrefix(writer: ByteWriter, kind: number): ByteWriter {
  return writer.u8(WIRE_VERSION).u8(SUITE_CLASSIC).u8(kind);
}

function readKind(reader: ByteReader): number {
  const version = reader.u8();
  const suite = reader.u8();
  if (version !== WIRE_VERSION || suite !== SUITE_CLASSIC) {
    throw new CryptoError('encoding.unsupported', 'an unknown message version or suite');
  }
  return reader.u8();
}

function malformed(message: string): CryptoError {
  return new CryptoError('encoding.invalid', message);
}
