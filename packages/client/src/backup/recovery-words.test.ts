/** Words that stand for a recovery key: those of BIP-39, and forgiving of how they are typed. */
import { expect, test } from 'vitest';
import { decodeRecoveryWords, makeRecoveryKey } from './recovery-words.ts';

const wrong = expect.objectContaining({ code: 'backup.words-wrong' });

// Of the test vectors of BIP-39 (github.com/trezor/python-mnemonic, vectors.json).
const VECTORS = [
  [0x00, `${'abandon '.repeat(23)}art`],
  [
    0x7f,
    `${'legal winner thank year wave sausage worth useful '.repeat(2)}${'legal winner thank year wave sausage worth title'}`,
  ],
  [
    0x80,
    `${'letter advice cage absurd amount doctor acoustic avoid '.repeat(2)}${'letter advice cage absurd amount doctor acoustic bless'}`,
  ],
  [0xff, `${'zoo '.repeat(23)}vote`],
] as const;

test.each(VECTORS)('the words for 32 bytes of %i are those of the standard', (fill, words) => {
  expect(decodeRecoveryWords(words)).toEqual(new Uint8Array(32).fill(fill));
});

test('a new key is 24 words, another one each time', () => {
  const made = [makeRecoveryKey(), makeRecoveryKey()];
  for (const words of made) expect(words.split(' ')).toHaveLength(24);
  expect(decodeRecoveryWords(made[0]!)).not.toEqual(decodeRecoveryWords(made[1]!));
});

test('words are known however they are spaced and capitalised', () => {
  const words = makeRecoveryKey();
  const typed = `\n ${words.replaceAll(' ', '  \t').toUpperCase()} \r\n`;
  expect(decodeRecoveryWords(typed)).toEqual(decodeRecoveryWords(words));
});

test('what is no recovery key is refused, and never quoted', () => {
  const words = makeRecoveryKey().split(' ');
  const twelve = `${'abandon '.repeat(11)}about`;
  const wrongs = [
    '',
    'zoo',
    twelve,
    words.slice(1).join(' '),
    [...words, 'zoo'].join(' '),
    [...words.slice(1), 'zoologist'].join(' '),
  ];
  for (const typed of wrongs) expect(() => decodeRecoveryWords(typed)).toThrow(wrong);
  const checksumWrong = `${'abandon '.repeat(23)}zoo`;
  try {
    decodeRecoveryWords(checksumWrong);
    expect.fail('it was taken');
  } catch (error) {
    expect(error).toEqual(wrong);
    expect(String(error)).not.toContain('zoo');
    expect((error as Error).cause).toBeUndefined();
  }
});
