import { expect, test } from 'vitest';
import { readArguments, USAGE } from '../src/arguments.ts';

test('nothing is asked for by nothing', () => {
  expect(readArguments([])).toEqual({ help: false, lan: false, check: false });
});

test.each(['help', 'lan', 'check'])('--%s is known, and the usage tells of it', (name) => {
  expect(readArguments([`--${name}`])).toMatchObject({ [name]: true });
  expect(USAGE).toContain(`--${name}`);
});

test.each([['--lna'], ['lan'], ['--lan=yes'], ['-x']])('%s is refused in one line', (word) => {
  expect(() => readArguments([word])).toThrow(/^[^\n]+$/);
});
