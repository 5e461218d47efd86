/**
 * Text of other people, made fit for a terminal. Everything that somebody else wrote goes through here before it is
 * shown: a terminal obeys what stands between its letters, and would move the cursor, set the clipboard, rename the
 * window or turn the line around for whoever sends the right bytes.
 */

/** More marks on one letter than any language has; what is above it would cover other lines. */
const MARKS_MAX = 6;

/** Control pictures stand for the codes below U+0020; this is the first. */
const CONTROL_PICTURES = 0x2400;
const DELETE_PICTURE = '\u2421';
const UNKNOWN = '\u{fffd}';

/** What joins letters and emoji: Persian and Indic scripts, families and flags need it. */
const JOINERS: ReadonlySet<string> = new Set(['\u200c', '\u200d']);

/** What turns the direction of text around, by the names that people know it under. */
const DIRECTIONS: ReadonlyMap<string, string> = new Map([
  ['\u061c', 'ALM'],
  ['\u200e', 'LRM'],
  ['\u200f', 'RLM'],
  ['\u202a', 'LRE'],
  ['\u202b', 'RLE'],
  ['\u202c', 'PDF'],
  ['\u202d', 'LRO'],
  ['\u202e', 'RLO'],
  ['\u2066', 'LRI'],
  ['\u2067', 'RLI'],
  ['\u2068', 'FSI'],
  ['\u2069', 'PDI'],
]);

const TAB = '    ';

/** One line of somebody else's text: names, titles, file names, quotes. Line breaks are shown as marks, too. */
export function safeLine(text: string): string {
  return made(text);
}

/** Lines of somebody else's text: a message. Never empty. */
export function safeLines(text: string): string[] {
  return text.split(/\r\n|[\n\r\v\f\u0085\u2028\u2029]/u).map(made);
}

/** As much of a text as is quoted where there is little room, in one line. */
export function safeExcerpt(text: string, length: number): string {
  const [first = '', ...rest] = safeLines(text.trim());
  const letters = [...first];
  const isCut = letters.length > length || rest.length > 0;
  return isCut ? `${letters.slice(0, length).join('').trimEnd()}…` : first;
}

/** Line breaks in what JSON leaves as it is, and what a terminal would obey of it, written as JSON writes the rest. */
export function safeJson(value: unknown): string {
  return JSON.stringify(value).replace(/[\u007f-\u009f\p{Cf}\p{Zl}\p{Zp}]/gu, escaped);
}

function made(text: string): string {
  const marked = text
    .toWellFormed()
    .replaceAll('\t', TAB)
    .replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, markOf)
    // A mark without a letter would change what stands before the text.
    .replace(/^\p{M}/u, '\u25cc$&');
  return marked.replace(new RegExp(`(\\p{M}{${MARKS_MAX}})\\p{M}+`, 'gu'), '$1');
}

function markOf(letter: string): string {
  if (JOINERS.has(letter)) return letter;
  const direction = DIRECTIONS.get(letter);
  if (direction !== undefined) return `⟨${direction}⟩`;
  const code = letter.codePointAt(0) ?? 0;
  if (code < 0x20) return String.fromCodePoint(CONTROL_PICTURES + code);
  return code === 0x7f ? DELETE_PICTURE : UNKNOWN;
}

function escaped(letter: string): string {
  return letter
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('');
}
