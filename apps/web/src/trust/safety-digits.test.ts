import { describe, expect, test } from 'vitest';
import { compareDigits, groupsOf } from './safety-digits.ts';

const OWN = '123450987611111222223333344444555556666677777888889999900000';

test('a number is shown in twelve groups of five', () => {
  expect(groupsOf(OWN)).toHaveLength(12);
  expect(groupsOf(OWN).join('')).toBe(OWN);
});

describe('what somebody types', () => {
  test.each([
    ['nothing', '', 'empty'],
    ['words without a digit', 'hello', 'empty'],
    ['the number in groups and lines', groupsOf(OWN).join(' \n'), 'match'],
    ['its first groups', '12345 09876 1', 'incomplete'],
    ['a first group that is another one', '12346', 'mismatch'],
    ['a later group that is another one', '12345 09876 11112', 'mismatch'],
    ['another last digit', `${OWN.slice(0, -1)}1`, 'mismatch'],
    ['more than a number', `${OWN}1`, 'too-long'],
    ['the number in Arabic digits', arabic(OWN), 'match'],
    ['another number in Arabic digits', arabic(`2${OWN.slice(1)}`), 'mismatch'],
  ])('%s', (_, typed, comparison) => {
    expect(compareDigits(OWN, typed)).toBe(comparison);
  });
});

function arabic(digits: string): string {
  return digits.replace(/\d/g, (digit) => String.fromCharCode(0x660 + Number(digit)));
}
