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

  test('a name has a contrast of 4.5:1 on a bubble, whoever it stands for', () => {
    const hues = [...sheet.matchAll(/--hue: (\d+)/g)].map(([, hue]) => Number(hue));
    expect(new Set(hues).size).toBe(8);
    for (const hue of hues) {
      const name = luminanceOf(personInk(theme), hue);
      const bubble = luminance(colour('bubble', theme));
      expect(ratio(name, bubble), `${hue}`).toBeGreaterThan(4.5);
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

/** Lightness and chroma, in OKLCH, of all names. */
function personInk(theme: 'light' | 'dark'): readonly [lightness: number, chroma: number] {
  const one = String.raw`oklch\(([\d.]+) ([\d.]+) var\(--hue\)\)`;
  const [, ...parts] = new RegExp(`--person-ink: light-dark\\(${one}, ${one}\\)`).exec(sheet) ?? [];
  const [lightness = Number.NaN, chroma = Number.NaN] = parts
    .slice(theme === 'light' ? 0 : 2)
    .map(Number);
  return [lightness, chroma];
}

function contrast(one: Rgb, other: Rgb): number {
  return ratio(luminance(one), luminance(other));
}

/** WCAG 2.2, "contrast ratio". */
function ratio(one: number, other: number): number {
  const [darker = 0, lighter = 0] = [one, other].toSorted((a, b) => a - b);
  return (lighter + 0.05) / (darker + 0.05);
}

/** Of an OKLCH colour (CSS Color 4, section 9.3): its long, middle and short cone signals, weighted as luminance is. */
function luminanceOf([lightness, chroma]: readonly [number, number], hue: number): number {
  const angle = (hue * Math.PI) / 180;
  const [a, b] = [chroma * Math.cos(angle), chroma * Math.sin(angle)];
  const long = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const middle = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const short = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const red = 4.0767416621 * long - 3.3077115913 * middle + 0.2309699292 * short;
  const green = -1.2684380046 * long + 2.6097574011 * middle - 0.3413193965 * short;
  const blue = -0.0041960863 * long - 0.7034186147 * middle + 1.707614701 * short;
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function luminance(rgb: Rgb): number {
  const [red = 0, green = 0, blue = 0] = rgb.map((byte) => {
    const part = byte / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
