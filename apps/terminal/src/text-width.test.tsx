import { readFileSync } from 'node:fs';
import { Box, renderToString, Text } from 'ink';
import { expect, test } from 'vitest';
import { safeLine } from './safe-text.ts';
import { fitText, padText, textWidth, wrapText } from './text-width.ts';

const NAUGHTY: readonly string[] = JSON.parse(
  readFileSync(new URL('../../../tests/security/vectors/blns.json', import.meta.url), 'utf8'),
);
const TEXTS = [
  ...NAUGHTY.map(safeLine),
  '日本語',
  '👨‍👩‍👧',
  '🇩🇪',
  '1️⃣',
  '한국어',
  'ｆｕｌｌ',
  'ﾊﾝｶｸ',
  '⟨RLO⟩',
  '❤️',
  '─│┃✓',
];

/** Ink lays a second text out behind the first one, as wide as it takes that to be. */
function widthInInk(text: string): number {
  const filler = 2_000;
  const row = renderToString(
    <Box width={filler}>
      <Box flexShrink={0}>
        <Text>{text}</Text>
      </Box>
      <Box flexGrow={1} justifyContent="flex-end">
        <Text>{'\u2588'}</Text>
      </Box>
    </Box>,
    { columns: filler },
  );
  // The filler's blanks are what is left of the row.
  const blanks = row.slice(text.length).match(/ /g)?.length ?? 0;
  return filler - 1 - blanks;
}

test('texts are as wide as Ink takes them to be', () => {
  const texts = TEXTS.filter((text) => text.trim() === text && text !== '' && text.length < 500);
  expect(texts.length).toBeGreaterThan(300);
  const differing = texts.filter((text) => textWidth(text) !== widthInInk(text));
  expect(differing).toEqual([]);
});

test('text is wrapped into rows that fit, between words where that is possible, and nothing of it is lost', () => {
  expect(wrapText('one two three', 8)).toEqual(['one two', 'three']);
  expect(wrapText('incomprehensible', 6)).toEqual(['incomp', 'rehens', 'ible']);
  expect(wrapText('', 6)).toEqual(['']);
  for (const text of TEXTS) {
    const rows = wrapText(text, 17);
    for (const row of rows) expect(textWidth(row.trimEnd())).toBeLessThanOrEqual(17);
    expect(rows.join('').replace(/\s/gu, '')).toBe(text.replace(/\s/gu, ''));
  }
});

test('text is cut and filled to a width', () => {
  expect(fitText('日本語', 5)).toBe('日本…');
  expect(padText('ab', 4)).toBe('ab  ');
  expect(padText('日本語', 4)).toBe('日… ');
});
