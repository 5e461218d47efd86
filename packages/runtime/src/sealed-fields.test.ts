import { expect, test } from 'vitest';
import { createSealedFields } from './sealed-fields.ts';

const OLD = 'an-old-field-key-of-the-tests-0123456789';
const NEW = 'a-new-field-key-of-the-tests-0123456789';
const place = { column: 'users.email', row: 'a2b9' };
const value = Buffer.from('somebody@example.org');

test('a value opens where it was sealed, and nowhere else', () => {
  const fields = createSealedFields([NEW]);
  const sealed = fields.seal(place, value);
  expect(Buffer.from(fields.open(place, sealed))).toEqual(value);
  expect(() => fields.open({ ...place, row: 'b2b9' }, sealed)).toThrow();
  expect(() => fields.open({ ...place, column: 'devices.name' }, sealed)).toThrow();
  expect(Buffer.from(sealed).includes('example')).toBe(false);
});

test('the same value is never sealed alike', () => {
  const fields = createSealedFields([NEW]);
  expect(fields.seal(place, value)).not.toEqual(fields.seal(place, value));
});

test('every byte of a sealed value counts', () => {
  const fields = createSealedFields([NEW]);
  const sealed = Buffer.from(fields.seal(place, value));
  for (let at = 0; at < sealed.length; at++) {
    const changed = Buffer.from(sealed);
    changed[at] = (changed[at] ?? 0) ^ 1;
    expect(() => fields.open(place, changed)).toThrow();
  }
  for (let length = 0; length < sealed.length; length++) {
    expect(() => fields.open(place, sealed.subarray(0, length))).toThrow();
  }
});

test('a ring opens what its older keys sealed, and tells which are old', () => {
  const sealed = createSealedFields([OLD]).seal(place, value);
  const ring = createSealedFields([NEW, OLD]);
  expect(Buffer.from(ring.open(place, sealed))).toEqual(value);
  expect(ring.isCurrent(sealed)).toBe(false);
  expect(ring.isCurrent(ring.seal(place, value))).toBe(true);
  expect(() => createSealedFields([NEW]).open(place, sealed)).toThrow();
});

test('an empty value is a value', () => {
  const fields = createSealedFields([NEW]);
  expect(fields.open(place, fields.seal(place, new Uint8Array()))).toHaveLength(0);
});
