/** Titles of groups: for their group and under their key only, and nothing of them is seen but a rough length. */
import { expect, test } from 'vitest';
import { encodeUuid } from './address.ts';
import { concat, utf8 } from './bytes.ts';
import { makeGroupTitleKey, openGroupTitle, sealGroupTitle } from './group-title.ts';
import { pad } from './padding.ts';
import { fastProvider, providers } from './providers.fixture.ts';

const conversation = '018f0000-0000-7000-8000-0000000000c1';
const input = { key: makeGroupTitleKey(fastProvider), conversation };

test.each(providers)('a title comes back for its group and under its key only, on $name', (it) => {
  const sealed = sealGroupTitle(it, input, 'Übermorgen ☕');
  expect(openGroupTitle(it, input, sealed)).toBe('Übermorgen ☕');
  const elsewhere = { ...input, conversation: '018f0000-0000-7000-8000-0000000000c2' };
  expect(openGroupTitle(it, elsewhere, sealed)).toBeUndefined();
  expect(openGroupTitle(it, { ...input, key: makeGroupTitleKey(it) }, sealed)).toBeUndefined();
  expect(openGroupTitle(it, input, sealed.with(-1, sealed.at(-1)! ^ 1))).toBeUndefined();
  for (const length of [0, 12, 27, 28, 100]) {
    expect(openGroupTitle(it, input, sealed.subarray(0, length))).toBeUndefined();
  }
});

test('outside a title is one of two sizes, and none is encrypted twice alike', () => {
  const sizeOf = (length: number) => sealGroupTitle(fastProvider, input, 'a'.repeat(length)).length;
  expect([1, 100, 255].map(sizeOf)).toEqual([284, 284, 284]);
  expect([256, 511].map(sizeOf)).toEqual([540, 540]);
  const [one, other] = [1, 2].map(() => sealGroupTitle(fastProvider, input, 'a'));
  expect(one).not.toEqual(other);
});

test('a title that is empty or too long is refused', () => {
  for (const title of ['', 'a'.repeat(512), '☕'.repeat(171)]) {
    expect(() => sealGroupTitle(fastProvider, input, title)).toThrow(
      expect.objectContaining({ code: 'input.invalid' }),
    );
  }
});

test('what somebody with the key encrypts instead of a title is none', () => {
  const seal = (data: Uint8Array) => {
    const nonce = new Uint8Array(12);
    const associatedData = encodeUuid(conversation);
    const sealed = fastProvider.aesGcmSeal({ key: input.key, nonce, associatedData, data });
    return concat(nonce, sealed);
  };
  expect(openGroupTitle(fastProvider, input, seal(pad(utf8('good'))))).toBe('good');
  expect(openGroupTitle(fastProvider, input, seal(utf8('not padded')))).toBeUndefined();
  expect(openGroupTitle(fastProvider, input, seal(pad(Uint8Array.of(0xff))))).toBeUndefined();
});
