import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeDirectory } from '../src/directories.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sotto-directories-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

test('a directory is made with those above it, and one that is there is left alone', () => {
  const path = join(directory, 'a', 'b', 'c');
  makeDirectory(path, 0o700);
  makeDirectory(path, 0o711);
  expect(statSync(path).mode & 0o777).toBe(0o700);
  expect(statSync(join(directory, 'a')).mode & 0o777).toBe(0o700);
});

test('a file in the way is said in one line that names the variable to set', () => {
  const file = join(directory, 'file');
  writeFileSync(file, '');
  for (const path of [file, join(file, 'below', 'it')]) {
    expect(() => makeDirectory(path, 0o700)).toThrow(/^cannot make .* \(a file is in .* DATA_DIR/);
  }
});

test.runIf(existsSync('/proc/self'))('where no directory can be made, it gives up', () => {
  expect(() => makeDirectory('/proc/x/y', 0o700)).toThrow(
    /^cannot make .*\(ENOENT\): set DATA_DIR/,
  );
});
