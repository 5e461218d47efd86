import { expect, test } from 'vitest';
import { initialsOf } from './name-mark.ts';

test.each([
  ['Mira Okafor', 'MO'],
  ['jonas', 'J'],
  ['Ana Maria de Souza', 'AS'],
  ['Sunday hike 🥾', 'SH'],
  ['🥾 🏔️', '🥾'],
  ['3 musketeers', '3M'],
  ['سمير حداد', 'سح'],
  ['', '?'],
])('%s is marked by %s', (name, letters) => {
  expect(initialsOf(name)).toBe(letters);
});
