import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { rememberRunning, runningUrl } from '../src/running.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sotto-running-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

test('a platform is known by its address for as long as it runs', () => {
  expect(runningUrl(directory)).toBeUndefined();
  const remembered = rememberRunning(directory, 'http://localhost:9000');
  expect(runningUrl(directory)).toBe('http://localhost:9000');
  remembered.forget();
  expect(runningUrl(directory)).toBeUndefined();
});

test('one that was killed is not taken for one that runs', () => {
  rememberRunning(directory, 'http://localhost:9000');
  const path = join(directory, 'running.json');
  const { pid } = spawnSync(process.execPath, ['--version']);
  writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), pid }));
  expect(runningUrl(directory)).toBeUndefined();
});
