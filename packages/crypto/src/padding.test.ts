import fc from 'fast-check';
import { expect, test } from 'vitest';
import { pad, sizeClassOf, unpad } from './padding.ts';

test('every plaintext up to the limit comes back, and its length shows as a class only', () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 65535 }), fc.nat(255), (length, byte) => {
      const plaintext = new Uint8Array(length).fill(byte);
      const padded = pad(plaintext);
      expect(padded.length).toBe(sizeClassOf(length + 1));
      expect(unpad(padded)).toEqual(plaintext);
    }),
  );
});

test('plaintexts around the classes come back, and one byte decides on the class', () => {
  for (const size of [256, 512, 4096, 5120, 65536]) {
    for (const length of [size - 2, size - 1, size, size + 1].filter((length) => length < 65536)) {
      const padded = pad(new Uint8Array(length));
      expect(padded.length > size).toBe(length >= size);
      expect(unpad(padded)).toHaveLength(length);
    }
  }
});

test('the classes are powers of two to 4096, then quarter steps', () => {
  const classes = new Set(Array.from({ length: 16385 }, (_, length) => sizeClassOf(length)));
  expect([...classes]).toEqual([
    256, 512, 1024, 2048, 4096, 5120, 6144, 7168, 8192, 10240, 12288, 14336, 16384,
  ]);
});

test('a plaintext over the limit is refused', () => {
  expect(pad(new Uint8Array(65535))).toHaveLength(65536);
  expect(() => pad(new Uint8Array(65536))).toThrow(
    expect.objectContaining({ code: 'input.invalid' }),
  );
});

test('nothing but the output of pad is taken off', () => {
  const inputs = [
    new Uint8Array(0),
    new Uint8Array(256),
    Uint8Array.of(0x80),
    pad(new Uint8Array(1)).subarray(1),
    new Uint8Array(256).fill(1),
    Uint8Array.from({ length: 512 }, (_, index) => (index === 3 ? 0x80 : 0)),
    Uint8Array.from({ length: 65536 * 2 }, (_, index) => (index === 65536 * 2 - 1 ? 0x80 : 1)),
  ];
  for (const input of inputs) {
    expect(() => unpad(input)).toThrow(expect.objectContaining({ code: 'encoding.invalid' }));
  }
});
