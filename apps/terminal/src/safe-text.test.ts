import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { safeExcerpt, safeJson, safeLine, safeLines } from './safe-text.ts';

const NAUGHTY: readonly string[] = JSON.parse(
  readFileSync(new URL('../../../tests/security/vectors/blns.json', import.meta.url), 'utf8'),
);

/** What terminals obey, from the manuals of xterm and of others: in both of their encodings. */
export const SEQUENCES = [
  '\u001b[31mred\u001b[0m',
  '\u001b[2J\u001b[H',
  '\u001b]0;another title\u0007',
  '\u001b]8;;https://example.org\u001b\\click\u001b]8;;\u001b\\',
  '\u001b]52;c;Y3VybCBldmls\u0007',
  '\u001bP$q"p\u001b\\',
  '\u001b_application\u001b\\',
  '\u001bc',
  '\u001b[6n',
  '\u009b31m',
  '\u009d52;c;aGk=\u009c',
  '\u0090q\u009c',
  '\r\u0008\u0008over',
  '\u000e\u000f',
  '\u007f',
  '\u202egnp.exe\u202c',
  '\u2066isolated\u2069',
  'a\u200fb',
];

const OBEYED = /[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\u2028\u2029]/u;

test('nothing that a terminal obeys is left of any naughty string or sequence', () => {
  expect(NAUGHTY.length).toBeGreaterThan(400);
  for (const text of [...NAUGHTY, ...SEQUENCES]) {
    expect(safeLine(text)).not.toMatch(OBEYED);
    for (const line of safeLines(text)) expect(line).not.toMatch(OBEYED);
    expect(safeExcerpt(text, 10)).not.toMatch(OBEYED);
    expect(safeJson({ text })).not.toMatch(OBEYED);
    expect(JSON.parse(safeJson({ text }))).toEqual({ text });
  }
});

test('what was there is seen as a mark', () => {
  expect(safeLine('\u001b[31mred')).toBe('␛[31mred');
  expect(safeLine('a\u202eb')).toBe('a⟨RLO⟩b');
  expect(safeLine('one\ntwo')).toBe('one␊two');
  expect(safeLine('\u007f\u009b')).toBe('␡\u{fffd}');
  expect(safeLine('\ud800')).toBe('\u{fffd}');
});

test('letters that need their joiners keep them, and marks do not pile up', () => {
  expect(safeLine('👨‍👩‍👧 می‌خواهم नमस्ते é')).toBe('👨‍👩‍👧 می‌خواهم नमस्ते é');
  expect(safeLine('\u0301a')).toBe('◌\u0301a');
  expect(safeLine(`a${'\u0301'.repeat(50)}b`)).toBe(`a${'\u0301'.repeat(6)}b`);
});

test('a message keeps its lines, and an excerpt has one', () => {
  expect(safeLines('one\r\ntwo\nthree')).toEqual(['one', 'two', 'three']);
  expect(safeLines('')).toEqual(['']);
  expect(safeExcerpt('one\ntwo', 10)).toBe('one…');
  expect(safeExcerpt('abcdefgh', 3)).toBe('abc…');
});
