/** What usernames and passwords are like, told while they are typed. The platform checks them anew, and more. */

const USERNAME_LENGTH_MIN = 3;
const USERNAME_LENGTH_MAX = 50;
const PASSWORD_LENGTH_MIN = 8;
/** From here on a password may be of anything. */
const LONG_PASSWORD_LENGTH = 15;

const KINDS: readonly (readonly [name: string, pattern: RegExp])[] = [
  ['a capital letter', /\p{Lu}/u],
  ['a small letter', /\p{Ll}/u],
  ['a digit', /\p{Nd}/u],
  ['a symbol', /[^\p{L}\p{Nd}]/u],
];

/** What is wrong with a username, or undefined. */
export function usernameFault(username: string): string | undefined {
  if (/[^A-Za-z0-9]/.test(username)) return 'Letters A to Z and digits only.';
  if (username.length < USERNAME_LENGTH_MIN) return 'At least 3 letters or digits.';
  if (username.length > USERNAME_LENGTH_MAX) return 'At most 50 letters and digits.';
  return undefined;
}

/** What a new password still needs, or undefined when it is enough. */
export function passwordNeeds(password: string): string | undefined {
  const length = [...password].length;
  if (length >= LONG_PASSWORD_LENGTH) return undefined;
  const kinds = KINDS.filter(([, pattern]) => !pattern.test(password)).map(([name]) => name);
  const more = PASSWORD_LENGTH_MIN - length;
  const missing = more > 0 ? [characters(more), ...kinds] : kinds;
  if (missing.length === 0) return undefined;
  const orLonger = characters(LONG_PASSWORD_LENGTH - length);
  return `Still needs ${listed(missing)}; or just ${orLonger}.`;
}

function characters(count: number): string {
  return count === 1 ? 'one more character' : `${count} more characters`;
}

function listed(words: readonly string[]): string {
  return words.length < 2 ? words.join('') : `${words.slice(0, -1).join(', ')} and ${words.at(-1)}`;
}
