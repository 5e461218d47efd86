import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { saveAs, tameName } from './file-path.ts';

const NAUGHTY: readonly string[] = JSON.parse(
  readFileSync(new URL('../../../tests/security/vectors/blns.json', import.meta.url), 'utf8'),
);

test('a name of somebody else leads nowhere, hides nothing, and is no option', async () => {
  const folder = makeFolder();
  expect(tameName('../../.profile')).toBe('profile');
  expect(tameName('C:\\Windows\\evil.exe')).toBe('evil.exe');
  expect(tameName('-rf')).toBe('rf');
  expect(tameName('...')).toBe('file');
  expect(tameName('a\u001b]0;x\u0007b.txt')).toBe('a_]0;x_b.txt');
  expect(tameName(`${'x'.repeat(400)}.pdf`)).toBe(`${'x'.repeat(196)}.pdf`);
  for (const name of [...NAUGHTY, '長'.repeat(200), `${'🙂'.repeat(90)}.${'é'.repeat(90)}`]) {
    const path = await saveAs(name, { folder }, async () => {});
    expect(dirname(path)).toBe(folder);
    expect(Buffer.byteLength(basename(path))).toBeLessThan(230);
    expect(basename(path)).not.toMatch(/^[.-]|\p{Cc}/u);
  }
});

test('nothing that is there is written over, unless that was asked for', async () => {
  const folder = makeFolder();
  const [theirs, ours] = [join(folder, 'a.txt'), join(folder, 'a (2).txt')];
  writeFileSync(theirs, 'theirs');
  const write = async (path: string) => writeFileSync(path, 'ours');
  expect(await saveAs('a.txt', { folder }, write)).toBe(ours);
  expect(await saveAs('a.txt', { folder: '/nowhere', wish: folder }, write)).toMatch(
    /a \(3\)\.txt$/,
  );
  expect(readFileSync(theirs, 'utf8')).toBe('theirs');
  expect(await saveAs('a.txt', { folder, wish: 'a.txt' }, write)).toBe(theirs);
  expect(readFileSync(theirs, 'utf8')).toBe('ours');
});

test('two files of one name that are saved at once are both there', async () => {
  const folder = makeFolder();
  const isBegun = Promise.withResolvers<void>();
  const slow = saveAs('a.txt', { folder }, async (path) => {
    await isBegun.promise;
    writeFileSync(path, 'slow');
  });
  const quick = await saveAs('a.txt', { folder }, async (path) => writeFileSync(path, 'quick'));
  isBegun.resolve();
  expect([await slow, quick]).toEqual([join(folder, 'a.txt'), join(folder, 'a (2).txt')]);
  expect(readFileSync(join(folder, 'a.txt'), 'utf8')).toBe('slow');
});

test('a file that could not be fetched leaves nothing behind', async () => {
  const folder = makeFolder();
  const failing = saveAs('a.txt', { folder }, () => Promise.reject(new Error('lost')));
  await expect(failing).rejects.toThrow('lost');
  expect(readdirSync(folder)).toEqual([]);
});

function makeFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'sotto-files-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}
