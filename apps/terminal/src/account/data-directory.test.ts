import { chmodSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { isOpenToOthers, prepareAccount, prepareLinking } from './data-directory.ts';

const ALICE = { username: 'Alice', url: 'http://localhost:8080' };

test('a folder that was there keeps its permissions, and an account in it has its own', () => {
  const directory = makeFolder(0o755);
  const { path } = prepareAccount(directory, ALICE);
  const linking = prepareLinking(directory, ALICE.url);
  expect(modeOf(directory)).toBe(0o755);
  expect(isOpenToOthers(directory)).toBe(true);
  expect([modeOf(path), modeOf(linking.path)]).toEqual([0o700, 0o700]);
});

test('folders that are made on the way are for their owner alone', () => {
  const directory = join(makeFolder(0o755), 'some', 'where');
  expect(isOpenToOthers(directory)).toBe(false);
  prepareAccount(directory, ALICE);
  expect([modeOf(directory), modeOf(join(directory, '..'))]).toEqual([0o700, 0o700]);
  expect(isOpenToOthers(directory)).toBe(false);
});

function makeFolder(mode: number): string {
  const folder = mkdtempSync(join(tmpdir(), 'sotto-data-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  chmodSync(folder, mode);
  return folder;
}

function modeOf(path: string): number {
  return statSync(path).mode & 0o777;
}
