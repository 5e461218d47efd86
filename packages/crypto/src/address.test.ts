import { expect, test } from 'vitest';
import { decodeUuid, encodeUuid } from './address.ts';

test('a UUID becomes its sixteen bytes, and the same text again', () => {
  const text = '00112233-4455-6677-8899-aabbccddeeff';
  const bytes = Uint8Array.from({ length: 16 }, (_, at) => at * 0x11);
  expect(encodeUuid(text)).toEqual(bytes);
  expect(decodeUuid(bytes)).toBe(text);
});

test('any UUID survives the way there and back', () => {
  for (let count = 0; count < 1000; count += 1) {
    const text = crypto.randomUUID();
    const bytes = encodeUuid(text);
    const digits = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0'));
    expect(digits.join('')).toBe(text.replaceAll('-', ''));
    expect(decodeUuid(bytes)).toBe(text);
  }
});

test.each([
  ['capital letters', '00112233-4455-6677-8899-AABBCCDDEEFF'],
  ['no dashes', '00112233445566778899aabbccddeeff'],
  ['a dash elsewhere', '0011223-34455-6677-8899-aabbccddeeff'],
  ['one digit more', '00112233-4455-6677-8899-aabbccddeeff0'],
  ['another letter', '00112233-4455-6677-8899-aabbccddeefg'],
  ['nothing', ''],
])('%s is no UUID', (_, text) => {
  expect(() => encodeUuid(text)).toThrow(expect.objectContaining({ code: 'input.invalid' }));
});

test('fifteen and seventeen bytes are no UUID', () => {
  for (const length of [15, 17]) {
    expect(() => decodeUuid(new Uint8Array(length))).toThrow(
      expect.objectContaining({ code: 'input.invalid' }),
    );
  }
});
