import { expect, test } from 'vitest';
import { oneEmoji } from './emoji.ts';

test('the first emoji of what was typed is taken whole', () => {
  expect(oneEmoji(' 🎉')).toBe('🎉');
  expect(oneEmoji('👩‍👩‍👧 family')).toBe('👩‍👩‍👧');
  expect(oneEmoji('🇨🇭')).toBe('🇨🇭');
  expect(oneEmoji('\u2764')).toBe('❤️');
});

test('letters and signs are none', () => {
  for (const text of ['', 'ok', '1', '#', '<script>', '\u202e']) {
    expect(oneEmoji(text)).toBeUndefined();
  }
});
