import fc from 'fast-check';
import { expect, test } from 'vitest';
import * as z from 'zod/mini';
import { bytes, bytesOf, decodeBase64url, encodeBase64url } from './bytes.ts';

test('any bytes survive the way to text and back', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (input) => {
      const text = encodeBase64url(input);
      expect(text).toBe(Buffer.from(input).toString('base64url'));
      expect([...decodeBase64url(text)]).toEqual([...input]);
    }),
  );
});

test.each(['A', 'AB', 'AA==', 'A+A/', 'AAA=', 'A A', 'AA AA', 'AAAA\n', 'é'])(
  'text that no encoder writes is refused: %j',
  (text) => {
    expect(() => decodeBase64url(text)).toThrow(SyntaxError);
  },
);

test('a schema of bytes refuses other lengths and says where', () => {
  const schema = z.strictObject({ key: bytesOf(3), text: bytes({ min: 1, max: 4 }) });
  expect(z.decode(schema, { key: 'AAAA', text: 'AA' }).key).toEqual(new Uint8Array(3));
  for (const key of ['', 'AAA', 'AAAAA', 'AAAAAA', 'AA-=']) {
    const result = z.safeDecode(schema, { key, text: 'AA' });
    expect(result.error?.issues[0]?.path).toEqual(['key']);
  }
});

test('a text of the right length that decodes to another number of bytes is refused', () => {
  expect(z.safeDecode(bytes({ min: 1, max: 1 }), 'AB').success).toBe(false);
  expect(z.safeDecode(bytesOf(32), 'A'.repeat(43)).success).toBe(true);
  expect(z.safeDecode(bytesOf(32), 'A'.repeat(42)).success).toBe(false);
  expect(z.safeDecode(bytesOf(32), 'A'.repeat(44)).success).toBe(false);
});
