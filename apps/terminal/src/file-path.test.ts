import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { pathToSave, tameName } from './file-path.ts';

const NAUGHTY: readonly string[] = JSON.parse(
  readFileSync(new URL('../../../tests/security/vectors/blns.json', import.meta.url), 'utf8'),
);

test('a name of somebody else leads nowhere, hides nothing, and is no option', () => {
  expect(tameName('../../.profile')).toBe('profile');
  expect(tameName('C:\\Windows\\evil.exe')).toBe('evil.exe');
  expect(tameName('-rf')).toBe('rf');
  expect(tameName('...')).toBe('file');
  expect(tameName('a\u001b]0;x\u0007b.txt')).toBe('a_]0;x_b.txt');
  expect(tameName(`${'x'.repeat(400)}.pdf`)).toHaveLength(120);
  for (const name of NAUGHTY) {
    const path = pathToSave(name, { folder: '/nowhere' });
    expect(dirname(path)).toBe('/nowhere');
    expect(basename(path)).not.toMatch(/^[.-]|\p{Cc}/u);
  }
});

test('nothing that is there is written over, unless that was asked for', () => {
  const folder = mkdtempSync(join(tmpdir(), 'sotto-files-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  writeFileSync(join(folder, 'a.txt'), '');
  expect(pathToSave('a.txt', { folder })).toBe(join(folder, 'a (2).txt'));
  expect(pathToSave('a.txt', { folder, wish: 'a.txt' })).toBe(join(folder, 'a.txt'));
  expect(pathToSave('a.txt', { folder: '/nowhere', wish: folder })).toBe(join(folder, 'a (2).txt'));
});
