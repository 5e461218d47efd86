/** What a dishonest program calls people, groups and files: what breaks software, and what terminals obey. */
import { readFileSync } from 'node:fs';

/** Minimaxir's list; `tests/security/vectors/SOURCES.md` says where it is from. */
const list = new URL('../../../../tests/security/vectors/blns.json', import.meta.url);
const NAUGHTY: readonly string[] = JSON.parse(readFileSync(list, 'utf8'));

/** Texts, each of another kind. */
export const HOSTILE: readonly string[] = [
  ...NAUGHTY.filter((text) => text.trim() !== ''),
  '\u001b]8;;https://example.org\u001b\\click\u001b]8;;\u001b\\',
  '\u001b]52;c;Y3VybCBldmls\u0007',
  '\u001b[2J\u001b[Hgone',
  '\u009b31m\u009d52;c;aGk=\u009c',
  'one\r\ntwo\u2028three',
  '\u202egnp.exe',
];

/** What no row of a screen may hold: all codes but the end of a row, and what turns text around. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: it is what is looked for
export const OBEYED = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/u;
