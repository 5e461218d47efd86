/**
 * Passwords that everybody tries first.
 *
 * A list of whole passwords would have to hold every decoration of every word. This holds the words that published
 * lists of leaked passwords are made of, and undoes what people do to a word to satisfy a rule: capitals, look-alike
 * characters, digits and signs at the ends, the word twice.
 */

const WORDS: ReadonlySet<string> = new Set(
  `
  password passwort passw passwd pass motdepasse contrasena senha parola wachtwoord
  secret letmein welcome willkommen bienvenue hello hallo login admin administrator root user guest test testing
  demo default changeme change temp temporary access master system server database sotto messenger
  qwerty qwertz azerty qwertyuiop qwertzuiop asdf asdfgh asdfghjkl zxcvbn zxcvbnm qazwsx qazwsxedc qwer
  abc abcd abcde abcdef abcdefg abcdefgh aaa aaaa aaaaaa xxx xxxx xxxxxx
  iloveyou loveyou love lover lovely forever family mother father friend friends baby babygirl princess angel
  monkey dragon tiger lion shadow sunshine flower butterfly chocolate cookie banana apple orange cheese pepper ginger
  football fussball soccer baseball basketball hockey liverpool chelsea arsenal barcelona juventus
  superman batman spiderman starwars pokemon naruto matrix hunter ranger killer warrior ninja samsung computer internet
  google facebook twitter instagram linkedin youtube whatsapp telegram signal microsoft windows android iphone
  michael jordan daniel andrew joshua matthew robert thomas charlie jessica jennifer ashley michelle nicole
  summer winter spring autumn monday friday january february march april june july august september october november
  december london paris berlin america canada germany freedom money mustang ferrari porsche mercedes yankees
  trustno whatever nothing something anything please blessed jesus christ heaven god lucky magic music
  india china brazil france italy spain russia england correcthorsebatterystaple
  company office work business school student teacher security private
  `
    .trim()
    .split(/\s+/),
);

/** What is written in place of a letter. */
const LOOK_ALIKE: Readonly<Record<string, string>> = {
  '0': 'o',
  '1': 'i',
  '3': 'e',
  '4': 'a',
  '5': 's',
  '7': 't',
  '8': 'b',
  '@': 'a',
  $: 's',
  '!': 'i',
  '|': 'l',
};

/** Rows and columns of keys, and the alphabet, in the order in which fingers run along them. */
const WALKS: readonly string[] = [
  '1234567890',
  'qwertyuiop',
  'qwertzuiop',
  'azertyuiop',
  'asdfghjkl',
  'zxcvbnm',
  'yxcvbnm',
  '1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol',
  '1q2w3e4r5t6y7u8i9o0p',
  'q1w2e3r4t5y6u7i8o9p0',
  'abcdefghijklmnopqrstuvwxyz',
].flatMap((walk) => [walk, [...walk].reverse().join('')]);

/** A step or two is in every text; three keys in a row are a walk. */
const STEPS_MIN = 3;

/** Characters that a walk may have at its ends and between its parts, to satisfy a rule. */
const BESIDE_WALKS_MAX = 3;

/** The digits of an American keyboard, with the shift key. */
const SHIFTED = '!@#$%^&*()';

/**
 * Whether a password is a common word, the account's own name, a walk over the keyboard, or a row of digits, under a
 * thin disguise.
 */
export function isCommonPassword(password: string, username = ''): boolean {
  const lower = password.toLowerCase();
  if (isRowOfFew(lower) || isWalk(lower) || isWalk(unshifted(lower))) return true;
  const own = stripEnds(username.toLowerCase());
  const cores = [stripEnds(lower), stripEnds(plain(lower)), plain(stripEnds(lower))];
  return cores.some((core) => isWordRepeated(core) || (own !== '' && core === own));
}

function isWalk(text: string): boolean {
  let beside = 0;
  let at = 0;
  while (at < text.length) {
    const steps = stepsAt(text, at);
    if (steps < STEPS_MIN) beside++;
    at += steps < STEPS_MIN ? 1 : steps;
  }
  return beside < text.length && beside <= BESIDE_WALKS_MAX;
}

/** How far one walk goes from here. */
function stepsAt(text: string, at: number): number {
  let steps = 1;
  while (
    at + steps < text.length &&
    WALKS.some((walk) => walk.includes(text.slice(at, at + steps + 1)))
  ) {
    steps++;
  }
  return steps;
}

function unshifted(text: string): string {
  return [...text]
    .map((character) => {
      const key = SHIFTED.indexOf(character);
      return key === -1 ? character : String((key + 1) % 10);
    })
    .join('');
}

/** Up to two different characters, or digits in their order: `aaaaaaaaaaaaaaa`, `1212121212121212`, `123456789…`. */
function isRowOfFew(text: string): boolean {
  return new Set(text).size <= 2 || '01234567890123456789012345678901234567890'.includes(text);
}

function plain(text: string): string {
  return [...text].map((character) => LOOK_ALIKE[character] ?? character).join('');
}

function stripEnds(text: string): string {
  return text.replace(/^[^\p{L}]+|[^\p{L}]+$/gu, '');
}

function isWordRepeated(text: string): boolean {
  for (let length = 1; length <= text.length; length++) {
    const word = text.slice(0, length);
    if (WORDS.has(word) && word.repeat(text.length / length) === text) return true;
  }
  return false;
}
