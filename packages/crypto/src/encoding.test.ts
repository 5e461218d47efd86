import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeUuid, encodeUuid, sameAddress } from './address.ts';
import { ByteReader } from './byte-reader.ts';
import { ByteWriter } from './byte-writer.ts';
import { assertInteger, assertLength, concat, equal, isZero, utf8 } from './bytes.ts';
import { toHex } from './hex.fixture.ts';
import {
  agreementPublicKey,
  agreementSecretKey,
  signingSeed,
  symmetricKey,
  verifyingKey,
} from './keys.ts';
import { MESSAGE_BYTES_MAX, TIME_MS_MAX } from './limits.ts';
import { aliceAddress, bobAddress } from './parties.fixture.ts';
import { decodeHandshake, encodeHandshake, parseMessage } from './wire.ts';

const failing = (code: string) => expect.objectContaining({ code });

describe('bytes', () => {
  test('are joined in order into a new array', () => {
    expect(concat(Uint8Array.of(1, 2), new Uint8Array(), Uint8Array.of(3))).toEqual(
      Uint8Array.of(1, 2, 3),
    );
    expect(concat()).toHaveLength(0);
  });

  test('are equal only if every byte and the length are', () => {
    const bytes = Uint8Array.of(1, 2, 3);
    expect(equal(bytes, bytes.slice())).toBe(true);
    for (let index = 0; index < 3; index++) expect(equal(bytes, bytes.with(index, 9))).toBe(false);
    expect(equal(bytes, bytes.slice(0, 2))).toBe(false);
    expect(equal(new Uint8Array(), new Uint8Array())).toBe(true);
  });

  test('are zero only if all of them are', () => {
    expect(isZero(new Uint8Array(3))).toBe(true);
    expect(isZero(Uint8Array.of(0, 1, 0))).toBe(false);
  });

  test('of the wrong length or kind, and integers out of range, are the caller’s fault', () => {
    expect(() => assertLength(new Uint8Array(3), 3, 'it')).not.toThrow();
    expect(() => assertLength(new Uint8Array(4), 3, 'it')).toThrow(failing('input.invalid'));
    const notBytes = 'abc' as string | Uint8Array as Uint8Array;
    expect(() => assertLength(notBytes, 3, 'it')).toThrow(failing('input.invalid'));
    expect(() => new ByteReader(notBytes)).toThrow(failing('input.invalid'));
    for (const value of [1, 3]) {
      expect(() => assertInteger(value, { min: 1, max: 3 }, 'it')).not.toThrow();
    }
    for (const value of [0, 4, 2.5]) {
      expect(() => assertInteger(value, { min: 1, max: 3 }, 'it')).toThrow(
        failing('input.invalid'),
      );
    }
  });
});

describe('a writer and a reader', () => {
  test('agree on every field, whatever capacity was guessed', () => {
    const max = { u8: 0xff, u16: 0xffff, u32: 0xffff_ffff, u64: Number.MAX_SAFE_INTEGER };
    const fields = fc.record({
      u8: fc.integer({ min: 0, max: max.u8 }),
      u16: fc.integer({ min: 0, max: max.u16 }),
      u32: fc.integer({ min: 0, max: max.u32 }),
      u64: fc.integer({ min: 0, max: max.u64 }),
      bytes: fc.uint8Array({ maxLength: 40 }),
      capacity: fc.nat(80),
    });
    fc.assert(
      fc.property(fields, ({ u8, u16, u32, u64, bytes, capacity }) => {
        const writer = new ByteWriter(capacity).u8(u8).u16(u16).u32(u32).u64(u64).bytes(bytes);
        const reader = new ByteReader(writer.finish());
        expect([reader.u8(), reader.u16(), reader.u32(), reader.u64()]).toEqual([
          u8,
          u16,
          u32,
          u64,
        ]);
        expect(reader.bytes(bytes.length)).toEqual(bytes);
        reader.end();
      }),
    );
  });

  test('write integers big-endian', () => {
    const written = new ByteWriter(0).u16(0x0102).u32(0x03040506).u64(0x0708090a0b0c).finish();
    expect(toHex(written)).toBe('01020304050600000708090a0b0c');
  });

  test('refuse integers that do not fit', () => {
    const writer = () => new ByteWriter(8);
    for (const write of [
      () => writer().u8(256),
      () => writer().u16(65536),
      () => writer().u32(2 ** 32),
      () => writer().u64(2 ** 53),
      () => writer().u64(-1),
      () => writer().time(TIME_MS_MAX + 1),
    ]) {
      expect(write).toThrow(failing('input.invalid'));
    }
    expect(() => new ByteReader(Uint8Array.of(0, 0x20, 0, 0, 0, 0, 0, 0)).u64()).toThrow(
      failing('encoding.invalid'),
    );
  });

  test('take the last time that is a date, and none behind it', () => {
    const last = new ByteWriter(8).time(TIME_MS_MAX).finish();
    expect(new Date(new ByteReader(last).time()).toISOString()).toBe('+275760-09-13T00:00:00.000Z');
    const behind = new ByteWriter(8).u64(TIME_MS_MAX + 1).finish();
    expect(() => new ByteReader(behind).time()).toThrow(failing('encoding.invalid'));
  });

  test('refuse to read beyond the end, and to end before it', () => {
    const reader = new ByteReader(Uint8Array.of(1, 2, 3));
    expect(() => reader.u32()).toThrow(failing('encoding.invalid'));
    expect(reader.u16()).toBe(0x0102);
    expect(() => reader.end()).toThrow(failing('encoding.invalid'));
    expect(reader.remaining).toBe(1);
    expect(reader.rest()).toEqual(Uint8Array.of(3));
    reader.end();
    expect(() => reader.u8()).toThrow(failing('encoding.invalid'));
  });

  test('give copies, so that a decoded value does not keep or follow its input', () => {
    const input = Uint8Array.of(1, 2, 3);
    const read = new ByteReader(input).bytes(3);
    input.fill(9);
    expect(read).toEqual(Uint8Array.of(1, 2, 3));
    expect(read.buffer.byteLength).toBe(3);
  });
});

describe('keys', () => {
  test('of every role have 32 bytes', () => {
    const makers: readonly ((bytes: Uint8Array) => Uint8Array)[] = [
      agreementPublicKey,
      agreementSecretKey,
      verifyingKey,
      signingSeed,
      symmetricKey,
    ];
    for (const make of makers) {
      expect(make(new Uint8Array(32))).toHaveLength(32);
      expect(() => make(new Uint8Array(31))).toThrow(failing('input.invalid'));
    }
  });
});

describe('a handshake', () => {
  const handshake = {
    registrationId: 1,
    signedPrekeyId: 1,
    oneTimePrekeyId: undefined,
    identityKey: new Uint8Array(32),
    baseKey: new Uint8Array(32),
  };

  test('names a registration of 14 bits and a signed prekey', () => {
    for (const change of [{}, { registrationId: 0x3fff }, { signedPrekeyId: 2 ** 32 - 1 }]) {
      const changed = { ...handshake, ...change };
      expect(decodeHandshake(encodeHandshake(changed))).toEqual(changed);
    }
    for (const change of [
      { registrationId: 0 },
      { registrationId: 0x4000 },
      { signedPrekeyId: 0 },
    ]) {
      expect(() => decodeHandshake(encodeHandshake({ ...handshake, ...change }))).toThrow(
        failing('encoding.invalid'),
      );
    }
  });
});

describe('a message', () => {
  const prefix = (...values: number[]) =>
    concat(Uint8Array.from(values), new Uint8Array(66 * 1024));

  test('of another version or suite is refused as such, and one that is too long for its length', () => {
    const largest = prefix(1, 1, 2).subarray(0, MESSAGE_BYTES_MAX);
    expect(parseMessage(largest).inner).toHaveLength(MESSAGE_BYTES_MAX);
    for (const [message, code] of [
      [prefix(2, 1, 2).subarray(0, 99), 'encoding.unsupported'],
      [prefix(1, 2, 2).subarray(0, 99), 'encoding.unsupported'],
      [prefix(1, 1, 9).subarray(0, 99), 'encoding.invalid'],
      [prefix(1, 1, 2).subarray(0, MESSAGE_BYTES_MAX + 1), 'encoding.invalid'],
    ] as const) {
      expect(() => parseMessage(message)).toThrow(failing(code));
    }
  });
});

describe('UUIDs', () => {
  test('are 16 bytes, and text in lower case', () => {
    const text = '0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a01';
    expect(toHex(encodeUuid(text))).toBe(text.replaceAll('-', ''));
    expect(decodeUuid(encodeUuid(text))).toBe(text);
  });

  test('of any other form are refused', () => {
    for (const text of [
      '',
      aliceAddress.user.toUpperCase(),
      aliceAddress.user.replaceAll('-', ''),
      `${aliceAddress.user}0`,
      ` ${aliceAddress.user}`,
      `${aliceAddress.user}\n`,
      aliceAddress.user.replace('0', 'g'),
    ]) {
      expect(() => encodeUuid(text)).toThrow(failing('input.invalid'));
    }
    expect(() => decodeUuid(utf8('too short'))).toThrow(failing('input.invalid'));
  });

  test('make two addresses the same only together', () => {
    expect(sameAddress(aliceAddress, { ...aliceAddress })).toBe(true);
    expect(sameAddress(aliceAddress, { ...aliceAddress, user: bobAddress.user })).toBe(false);
    expect(sameAddress(aliceAddress, { ...aliceAddress, device: bobAddress.device })).toBe(false);
  });
});
