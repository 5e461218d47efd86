import { expect, test } from 'vitest';
import { sizeLabel } from './size-label.ts';

test('sizes are said as people say them', () => {
  const sizes = [0, 1, 999, 1000, 1_540_000, 20_971_520, 104_857_600];
  expect(sizes.map((size) => sizeLabel(size, 'en-GB'))).toEqual([
    ...['0 bytes', '1 byte', '999 bytes', '1 KB', '1.5 MB', '21 MB', '105 MB'],
  ]);
});
