import { expect, test } from 'vitest';
import { isPicture } from './file-words.ts';

test('only pictures without scripts are shown in the page', () => {
  expect(isPicture('image/PNG')).toBe(true);
  for (const type of ['image/svg+xml', 'text/html', 'application/pdf', '']) {
    expect(isPicture(type)).toBe(false);
  }
});
