/**
 * The ciphertexts of one message as one value: repeated `device (16 bytes) ‖ length (u32, big-endian) ‖ ciphertext`,
 * by ascending device. The same recipients always give the same bytes, so a digest of them names the content.
 */
import { hash } from 'node:crypto';
import { ApiError, type ConversationId, type DeviceId, type Recipient } from '@sotto/api';
import { KIND_NUMBERS, type MessageKind } from './message-kind.ts';

const DEVICE_BYTES = 16;
const HEAD_BYTES = DEVICE_BYTES + 4;

/** Packs. Throws `request.invalid` when a device is named twice: a reader would find one of the two. */
export function packRecipients(recipients: readonly Recipient[]): Buffer {
  const sorted = recipients.toSorted((a, b) => (a.device < b.device ? -1 : 1));
  const size = sorted.reduce((sum, { ciphertext }) => sum + HEAD_BYTES + ciphertext.length, 0);
  const packed = Buffer.allocUnsafe(size);
  let offset = 0;
  let before = '';
  for (const { device, ciphertext } of sorted) {
    if (device === before) {
      const detail = 'a device is named twice';
      throw new ApiError('request.invalid', { detail, fields: ['recipients'] });
    }
    before = device;
    packed.write(device.replaceAll('-', ''), offset, 'hex');
    packed.writeUInt32BE(ciphertext.length, offset + DEVICE_BYTES);
    packed.set(ciphertext, offset + HEAD_BYTES);
    offset += HEAD_BYTES + ciphertext.length;
  }
  return packed;
}

/** The ciphertext for one device, as a view; undefined when there is none. Throws a RangeError on truncated bytes. */
export function findCiphertext(packed: Buffer, device: Uint8Array): Buffer | undefined {
  for (let offset = 0; offset < packed.length; ) {
    const start = offset + HEAD_BYTES;
    const end = start + packed.readUInt32BE(offset + DEVICE_BYTES);
    if (end > packed.length) throw new RangeError('packed recipients are truncated');
    if (packed.compare(device, 0, DEVICE_BYTES, offset, offset + DEVICE_BYTES) === 0) {
      return packed.subarray(start, end);
    }
    offset = end;
  }
  return undefined;
}

/** The devices that there are ciphertexts for. Throws a RangeError on truncated bytes. */
export function devicesOf(packed: Buffer): DeviceId[] {
  const devices: DeviceId[] = [];
  for (let offset = 0; offset < packed.length; ) {
    const hex = packed.toString('hex', offset, offset + DEVICE_BYTES);
    // It was a device id when it was packed.
    devices.push(hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5') as DeviceId);
    offset += HEAD_BYTES + packed.readUInt32BE(offset + DEVICE_BYTES);
  }
  return devices;
}

/** The same without the ciphertexts of some devices; undefined when there is none of them. */
export function withoutDevices(packed: Buffer, devices: readonly Buffer[]): Buffer | undefined {
  const kept: Buffer[] = [];
  let offset = 0;
  while (offset < packed.length) {
    const end = offset + HEAD_BYTES + packed.readUInt32BE(offset + DEVICE_BYTES);
    if (end > packed.length) throw new RangeError('packed recipients are truncated');
    const start = offset;
    const goes = devices.some((device) => {
      return packed.compare(device, 0, DEVICE_BYTES, start, start + DEVICE_BYTES) === 0;
    });
    if (!goes) kept.push(packed.subarray(start, end));
    offset = end;
  }
  const rest = Buffer.concat(kept);
  return rest.length === packed.length ? undefined : rest;
}

/** The 16 bytes of a device id, to look with. In memory of their own: a slice of the pool would hold on to all of it. */
export function deviceBytes(device: string): Buffer {
  const bytes = Buffer.alloc(DEVICE_BYTES);
  bytes.write(device.replaceAll('-', ''), 'hex');
  return bytes;
}

interface Content {
  kind: MessageKind;
  conversation: ConversationId;
  packed: Buffer;
  /** In milliseconds since 1970. */
  expiresAt?: number | undefined;
}

/** Names the content of a message: two sends under one id are the same message when this is equal. */
export function contentDigest({ kind, conversation, packed, expiresAt }: Content): Buffer {
  const number = KIND_NUMBERS[kind];
  const head =
    expiresAt === undefined
      ? [Uint8Array.of(number)]
      : [Uint8Array.of(number | EXPIRES), moment(expiresAt)];
  // In one call: an object that hashes piece by piece takes twice as long for what people write.
  return hash('sha256', Buffer.concat([...head, Buffer.from(conversation), packed]), 'buffer');
}

/** Set in the kind of content that expires, whose moment follows: so neither is ever taken for other content. */
const EXPIRES = 0x80;

function moment(time: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64BE(BigInt(time));
  return bytes;
}
