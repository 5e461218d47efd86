/**
 * The plaintext envelope: what every plaintext starts with, so that a server can neither move a
 * message to another conversation, nor replay, reorder or roll back unseen. It is authenticated by
 * the message that carries it; this file encodes it and compares it with what the transport said.
 */
import { type Address, decodeUuid, encodeUuid, sameAddress, UUID_BYTES } from './address.ts';
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import { CryptoError } from './errors.ts';
import { HEAD_BYTES, type Head, readHead, writeHead } from './head.ts';
import { DEVICE_LIST_HEADS_MAX } from './limits.ts';
import { pad, unpad } from './padding.ts';

/** Head of one account's device list. */
export interface DeviceListHead extends Head {
  /** UUID of the account. */
  readonly user: string;
}

/** One plaintext with the facts about it that only its sender can vouch for. */
export interface Envelope {
  /** UUID of the conversation. */
  readonly conversation: string;
  /** UUID that the sender gave this message. */
  readonly message: string;
  readonly sender: Address;
  /** The sending device's own count of messages in this conversation, from 1; see `sender-counter.ts`. */
  readonly counter: number;
  /** Milliseconds since 1970 by the sender's clock. */
  readonly time: number;
  /** Newest entry of the conversation's membership log that the sender saw; absent without a log. */
  readonly membership?: Head;
  /** The sender's account in the key log: newest leaf. */
  readonly keyLog?: Head;
  /** Device lists that the message was encrypted for, as the sender saw them. */
  readonly deviceLists: readonly DeviceListHead[];
  /**
   * Set when the content speaks to the other device's protocol state, such as a sender key
   * distribution, and not to a person. Such an envelope counts in a pairwise session only.
   */
  readonly control?: true;
  /** What the application sends: text, reaction, receipt. Opaque here. */
  readonly content: Uint8Array;
}

/** What the transport and the session say about a message, to hold against its envelope. */
export interface ExpectedEnvelope {
  readonly conversation: string;
  readonly message: string;
  /** The address whose session or sender key decrypted the message. */
  readonly sender: Address;
  /**
   * Set it if, and only if, a pairwise session decrypted the plaintext. Otherwise a control envelope is
   * refused, so that a group ciphertext can never carry one.
   */
  readonly controlAllowed?: boolean;
}

const VERSION = 1;
const HAS_MEMBERSHIP = 1;
const HAS_KEY_LOG = 2;
const IS_CONTROL = 4;
const FIXED_BYTES = 2 + 4 * UUID_BYTES + 16 + 2;

/**
 * Encodes and pads an envelope: the plaintext to encrypt. Throws `input.invalid` for values out of
 * range, more than 201 device lists, or a result of more than 64 KiB.
 */
export function sealEnvelope(envelope: Envelope): Uint8Array {
  const { membership, keyLog, deviceLists } = envelope;
  if (deviceLists.length > DEVICE_LIST_HEADS_MAX) {
    throw new CryptoError('input.invalid', 'too many device lists');
  }
  if (envelope.counter < 1) throw new CryptoError('input.invalid', 'counters start at 1');
  const writer = new ByteWriter(sizeOf(envelope))
    .u8(VERSION)
    .u8(flagsOf(envelope))
    .bytes(encodeUuid(envelope.conversation))
    .bytes(encodeUuid(envelope.message))
    .bytes(encodeUuid(envelope.sender.user))
    .bytes(encodeUuid(envelope.sender.device))
    .u64(envelope.counter)
    .time(envelope.time);
  if (membership) writeHead(writer, membership);
  if (keyLog) writeHead(writer, keyLog);
  writer.u16(deviceLists.length);
  for (const list of deviceLists) writeHead(writer.bytes(encodeUuid(list.user)), list);
  return pad(writer.bytes(envelope.content).finish());
}

/**
 * Decodes a decrypted plaintext and compares it with what the transport said. Throws
 * `envelope.mismatch` when conversation, message or sender differ,
 * or for a control envelope where none is allowed; `encoding.unsupported` for a newer
 * version and `encoding.invalid` for anything else. The caller then judges the counter with
 * `acceptCounter` and each head with `compareHeads`, and drops the message if they throw.
 */
export function openEnvelope(plaintext: Uint8Array, expected: ExpectedEnvelope): Envelope {
  const envelope = decode(new ByteReader(unpad(plaintext)));
  const matches =
    envelope.conversation === expected.conversation &&
    envelope.message === expected.message &&
    sameAddress(envelope.sender, expected.sender) &&
    (!envelope.control || expected.controlAllowed === true);
  if (!matches) throw new CryptoError('envelope.mismatch', 'the envelope belongs elsewhere');
  return envelope;
}

function decode(reader: ByteReader): Envelope {
  if (reader.u8() !== VERSION) throw new CryptoError('encoding.unsupported', 'envelope version');
  const flags = reader.u8();
  if (flags > (HAS_MEMBERSHIP | HAS_KEY_LOG | IS_CONTROL)) {
    throw new CryptoError('encoding.invalid', 'unknown envelope flag');
  }
  const conversation = readUuid(reader);
  const message = readUuid(reader);
  const sender = { user: readUuid(reader), device: readUuid(reader) };
  const counter = reader.u64();
  if (counter < 1) throw new CryptoError('encoding.invalid', 'counters start at 1');
  const time = reader.time();
  const membership = flags & HAS_MEMBERSHIP ? { membership: readHead(reader) } : {};
  const keyLog = flags & HAS_KEY_LOG ? { keyLog: readHead(reader) } : {};
  const control = flags & IS_CONTROL ? ({ control: true } as const) : {};
  const deviceLists = readDeviceLists(reader);
  const content = reader.rest();
  return {
    conversation,
    message,
    sender,
    counter,
    time,
    ...membership,
    ...keyLog,
    ...control,
    deviceLists,
    content,
  };
}

function readDeviceLists(reader: ByteReader): DeviceListHead[] {
  const count = reader.u16();
  if (count > DEVICE_LIST_HEADS_MAX) {
    throw new CryptoError('encoding.invalid', 'too many device lists');
  }
  return Array.from({ length: count }, () => ({ user: readUuid(reader), ...readHead(reader) }));
}

function readUuid(reader: ByteReader): string {
  return decodeUuid(reader.bytes(UUID_BYTES));
}

function flagsOf({ membership, keyLog, control }: Envelope): number {
  return (
    (membership ? HAS_MEMBERSHIP : 0) | (keyLog ? HAS_KEY_LOG : 0) | (control ? IS_CONTROL : 0)
  );
}

function sizeOf({ membership, keyLog, deviceLists, content }: Envelope): number {
  const heads = (membership ? 1 : 0) + (keyLog ? 1 : 0) + deviceLists.length;
  return FIXED_BYTES + heads * HEAD_BYTES + deviceLists.length * UUID_BYTES + content.length;
}
