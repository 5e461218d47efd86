/** Ids of messages: UUIDv7 (RFC 9562 section 5.7), made by the sender so that sending again is always safe. */
import { MessageId } from '@sotto/api';
import type { Provider } from '@sotto/crypto';

/** A new id: 48 bits of time, 74 random bits. `now` in milliseconds since 1970. */
export function makeMessageId(provider: Pick<Provider, 'randomBytes'>, now: number): MessageId {
  const bytes = provider.randomBytes(16);
  const time = BigInt(Math.max(0, Math.trunc(now))) & 0xffff_ffff_ffffn;
  for (let index = 0; index < 6; index++) {
    bytes[index] = Number((time >> BigInt(40 - index * 8)) & 0xffn);
  }
  bytes[6] = (bytes[6]! & 0x0f) | 0x70;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
  return MessageId.parse(hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5'));
}
