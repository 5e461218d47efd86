/** The promise of `tokens.css`: text can be read on everything that it may stand on, in both themes. */
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';

const sheet = readFileSync(new URL('tokens.css', import.meta.url), 'utf8');

/** Text, and what it stands on. */
const PAIRS: readonly (readonly [text: string, on: readonly string[]])[] = [
  ['ink', ['paper', 'surface', 'raised', 'sunken', 'hover', 'bubble', 'bubble-own', 'accent-wash']],
  ['ink-quiet', ['paper', 'surface', 'raised', 'sunken', 'hover']],
  ['on-accent', ['accent', 'accent-strong']],
  ['on-danger', ['danger', 'danger-strong']],
  ['on-brand', ['brand']],
  ['accent-ink', ['paper', 'surface', 'raised', 'hover', 'accent-wash', 'bubble', 'bubble-own']],
  ['bubble-quiet', ['bubble']],
  ['bubble-own-quiet', ['bubble-own']],
  ['danger-ink', ['paper', 'surface', 'raised', 'danger-wash', 'hover']],
  ['warning-ink', ['warning-wash']],
  // The toast turns the page's colours around.
  ['paper', ['ink']],
];

/** Borders and marks that tell something by themselves: WCAG asks 3:1 of them. */
const MARKS: typeof PAIRS = [
  ['line-strong', ['raised', 'surface', 'sunken']],
  ['accent', ['paper', 'surface', 'raised', 'sunken']],
  ['there', ['surface']],
];

describe.each(['light', 'dark'] as const)('in the %s theme', (theme) => {
  test.each(PAIRS)('%s has a contrast of 4.5:1 on %s', (text, grounds) => {
    for (const ground of grounds) {
      expect(contrast(colour(text, theme), colour(ground, theme)), ground).toBeGreaterThan(4.5);
    }
  });

  test.each(MARKS)('%s has a contrast of 3:1 on %s', (mark, grounds) => {
    for (const ground of grounds) {
      expect(contrast(colour(mark, theme), colour(ground, theme)), ground).toBeGreaterThan(3);
    }
  });
});

type Rgb = readonly number[];

function colour(name: string, theme: 'light' | 'dark'): Rgb {
  const [, light, dark] =
    new RegExp(`--${name}: light-dark\\(#(\\w{6}), #(\\w{6})\\)`).exec(sheet) ?? expect.fail(name);
  return Uint8Array.fromHex((theme === 'light' ? light : dark) ?? '')
    .values()
    .toArray();
}

/** WCAG 2.2, "contrast ratio". */
function contrast(one: Rgb, other: Rgb): number {
  const [darker = 0, lighter = 0] = [luminance(one), luminance(other)].toSorted((a, b) => a - b);
  return (lighter + 0.05) / (darker + 0.05);
}

function luminance(rgb: Rgb): number {
  const [red = 0, green = 0, blue = 0] = rgb.map((byte) => {
    const part = byte / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
