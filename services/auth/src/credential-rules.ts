/** What usernames and passwords must be like. A problem names the rule that was broken, never the value. */
import { ApiError, Username } from '@sotto/api';
import { isCommonPassword } from './common-passwords.ts';
import { LONG_PASSWORD_LENGTH, PASSWORD_LENGTH_MIN } from './limits.ts';

/** What a username is unique by. */
export function usernameKey(username: string): string {
  return username.toLowerCase();
}

/** Throws `auth.username-rule` unless a username is 3 to 50 letters and digits of ASCII. */
export function checkUsername(username: string): void {
  if (Username.safeParse(username).success) return;
  const detail = /^[A-Za-z0-9]*$/.test(username)
    ? 'a username has 3 to 50 characters'
    : 'a username has letters A to Z and digits only';
  throw new ApiError('auth.username-rule', { detail, fields: ['username'] });
}

interface CharacterRule {
  pattern: RegExp;
  detail: string;
}

const CHARACTER_RULES: readonly CharacterRule[] = [
  { pattern: /\p{Lu}/u, detail: 'a short password needs an upper-case letter' },
  { pattern: /\p{Ll}/u, detail: 'a short password needs a lower-case letter' },
  { pattern: /\p{Nd}/u, detail: 'a short password needs a digit' },
  { pattern: /[^\p{L}\p{Nd}]/u, detail: 'a short password needs a special character' },
];

/** Which password is checked. */
export interface PasswordPlace {
  /** Whose it is to be: nobody may be called by their own password. */
  username?: string;
  /** The field of the request that has it. */
  field?: string;
}

/**
 * Throws `auth.password-rule` unless a password has 15 characters of any kind, or 8 with an upper-case and a
 * lower-case letter, a digit and a special character. Common passwords are refused in any length.
 */
export function checkPassword(
  password: string,
  { username, field = 'password' }: PasswordPlace = {},
): void {
  const broken = brokenRule(password, username);
  if (broken === undefined) return;
  throw new ApiError('auth.password-rule', { detail: broken, fields: [field] });
}

function brokenRule(password: string, username: string | undefined): string | undefined {
  const length = [...password].length;
  if (length < PASSWORD_LENGTH_MIN) {
    return `a password has at least ${PASSWORD_LENGTH_MIN} characters`;
  }
  if (length < LONG_PASSWORD_LENGTH) {
    const failed = CHARACTER_RULES.find(({ pattern }) => !pattern.test(password));
    if (failed !== undefined) {
      return `${failed.detail}, or ${LONG_PASSWORD_LENGTH} characters of any kind`;
    }
  }
  if (isCommonPassword(password, username))
    return 'this password is one of those that are tried first';
  return undefined;
}
