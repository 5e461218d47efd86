import { describe, expect, test } from 'vitest';
import { passwordNeeds, usernameFault } from './credential-rules.ts';

describe('a username', () => {
  test.each(['Bob', 'alice2', 'x'.repeat(50)])('may be %s', (username) => {
    expect(usernameFault(username)).toBeUndefined();
  });

  test.each([
    ['', 'At least 3 letters or digits.'],
    ['al', 'At least 3 letters or digits.'],
    ['a b', 'Letters A to Z and digits only.'],
    ['renée', 'Letters A to Z and digits only.'],
    ['x'.repeat(51), 'At most 50 letters and digits.'],
  ])('may not be %j', (username, fault) => {
    expect(usernameFault(username)).toBe(fault);
  });
});

describe('a password', () => {
  test.each(['Correct-Horse-7', 'Ab1-efgh', 'a few plain words', '密码密码密码密码密码密码密码密'])(
    'may be %s',
    (password) => {
      expect(passwordNeeds(password)).toBeUndefined();
    },
  );

  test.each([
    ['abcdefgh', 'Still needs a capital letter, a digit and a symbol; or just 7 more characters.'],
    ['Abcdef1', 'Still needs one more character and a symbol; or just 8 more characters.'],
    [
      'abcdefghijklmn',
      'Still needs a capital letter, a digit and a symbol; or just one more character.',
    ],
  ])('%j is told what it lacks', (password, words) => {
    expect(passwordNeeds(password)).toBe(words);
  });

  test('is measured in letters as people count them, not in halves of them', () => {
    expect(passwordNeeds('😀'.repeat(14))).toContain('one more character');
  });
});
