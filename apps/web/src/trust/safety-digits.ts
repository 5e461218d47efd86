/** Safety numbers as people read and write them. */

const DIGITS = 60;
const GROUP = 5;

/** Twelve groups of five. */
export function groupsOf(digits: string): readonly string[] {
  return digits.match(/\d{5}/g) ?? [];
}

/** What somebody has typed or pasted beside the own number. */
export type Comparison = 'empty' | 'incomplete' | 'too-long' | 'match' | 'mismatch';

/**
 * Compares what was typed with the own number. Everything that is no digit is left out: people paste spaces and line breaks, and
 * some write in the digits of their own script. Any wrong group is a mismatch at once, however little was typed.
 */
export function compareDigits(own: string, typed: string): Comparison {
  const given = latinDigits(typed);
  if (given === '') return 'empty';
  if (given.length > DIGITS) return 'too-long';
  const whole = given.length - (given.length % GROUP);
  if (given.length === DIGITS) return given === own ? 'match' : 'mismatch';
  return own.startsWith(given.slice(0, whole)) ? 'incomplete' : 'mismatch';
}

/** Every script's decimal digits lie in a row from its zero. */
function latinDigits(text: string): string {
  return [...text]
    .filter((character) => /\p{Nd}/u.test(character))
    .map((character) => {
      const at = character.codePointAt(0) ?? 0;
      let zero = at;
      while (at - zero < 9 && /\p{Nd}/u.test(String.fromCodePoint(zero - 1))) zero--;
      return String(at - zero);
    })
    .join('');
}
