import { inspect } from 'node:util';
import { FileId } from '@sotto/api';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Content, decodeContent, encodeContent } from './content.ts';

const id = FileId.parse('018f2d3e-1111-7abc-8def-000000000001');
const utf8 = (text: string) => new TextEncoder().encode(text);

test('any text survives, and half a character is refused rather than changed', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1 }), (text) => {
      expect(decodeContent(encodeContent({ type: 'text', text }))).toEqual({ type: 'text', text });
    }),
  );
  expect(() => encodeContent({ type: 'text', text: 'a\ud800' })).toThrow(
    expect.objectContaining({ code: 'content.invalid' }),
  );
});

const key = new Uint8Array(32).fill(7);
const plain = { id, key, name: 'ü.pdf', mediaType: 'a/b', size: 0 };

test('a file reference survives with its key, its digest and its thumbnail', () => {
  const thumbnail = { type: 'image/webp', bytes: new Uint8Array(8192).fill(9) };
  const content: Content = { type: 'file', file: { ...plain, digest: key, thumbnail } };
  expect(decodeContent(encodeContent(content))).toEqual(content);
});

test('a thumbnail that is no small one is not sent', () => {
  const thumbnail = { type: 'image/webp', bytes: new Uint8Array(8193) };
  expect(() => encodeContent({ type: 'file', file: { ...plain, thumbnail } })).toThrow(
    expect.objectContaining({ code: 'content.invalid' }),
  );
});

test('a file of an early message, which has no digest, is read as before', () => {
  const file = `{"id":"${id}","key":"${'Bw'.padEnd(42, 'cHBwc')}c","name":"a","mediaType":"a/b","size":9}`;
  expect(decodeContent(utf8(`{"v":1,"type":"file","file":${file}}`))).toMatchObject({
    type: 'file',
    file: { name: 'a', size: 9 },
  });
});

test.each([
  '{"v":3,"type":"text","text":"a"}',
  '{"v":4,"type":"file","file":{}}',
  '{"v":1,"type":"poll","options":[]}',
])('what a newer release sends is unsupported, not broken: %s', (text) => {
  expect(decodeContent(utf8(text))).toEqual({ type: 'unsupported' });
});

test.each([
  '',
  'null',
  '[]',
  '{}',
  '{"v":1}',
  '{"v":"1","type":"text","text":"a"}',
  '{"v":1,"type":"text"}',
  '{"v":1,"type":"text","text":""}',
  '{"v":1,"type":"text","text":"a","more":1}',
  '{"v":1,"type":"file","file":{}}',
  '{"v":1,"type":"text","text":"\\ud800"}',
])('what no release sends is refused: %s', (text) => {
  expect(() => decodeContent(utf8(text))).toThrow(
    expect.objectContaining({ code: 'content.invalid' }),
  );
});

test.each(['SECRET', '{"v":1,"type":"text","text":1,"SECRET":1}'])(
  'a refusal quotes nothing of what it refuses: %s',
  (text) => {
    const isSilent = (error: unknown) => !inspect(error).includes('SECRET');
    expect(() => decodeContent(utf8(text))).toThrow(expect.toSatisfy(isSilent));
  },
);

test('any bytes decode or are refused with the one code', () => {
  fc.assert(
    fc.property(fc.uint8Array(), (bytes) => {
      try {
        decodeContent(bytes);
      } catch (error) {
        expect(error).toMatchObject({ code: 'content.invalid' });
      }
    }),
  );
});
