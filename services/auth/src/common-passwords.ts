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

/** Whether a password is a common word, or a row of keys or digits, under a thin disguise. */
export function isCommonPassword(password: string): boolean {
  const lower = password.toLowerCase();
  if (isRowOfFew(lower)) return true;
  return [stripEnds(lower), stripEnds(plain(lower)), plain(stripEnds(lower))].some(isWordRepeated);
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
