import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { lockData } from '../src/data-lock.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sotto-lock-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

test('a second taker is refused in one line that names the directory', () => {
  const lock = lockData(directory);
  expect(() => lockData(directory)).toThrow(`another platform is running on ${directory}`);
  lock.close();
  lockData(directory).close();
});

test('nobody else can take the lock: its file is for its owner alone, also one of an earlier start', () => {
  const modeOf = () => statSync(join(directory, 'lock')).mode & 0o777;
  lockData(directory).close();
  expect(modeOf()).toBe(0o600);
  chmodSync(join(directory, 'lock'), 0o644);
  lockData(directory).close();
  expect(modeOf()).toBe(0o600);
});

test('a lock stays when nobody remembers it, and goes with a process that was killed', async () => {
  const script = `
    import { lockData } from ${JSON.stringify(new URL('../src/data-lock.ts', import.meta.url).href)};
    lockData(process.argv[1]);
    gc();
    console.log('locked');
    setInterval(() => {}, 1000);
  `;
  const child = spawn(
    process.execPath,
    ['--expose-gc', '--input-type=module-typescript', '-e', script, directory],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const exit = once(child, 'exit');
  try {
    await once(child.stdout, 'data');
    expect(() => lockData(directory)).toThrow('another platform');
  } finally {
    child.kill('SIGKILL');
    await exit;
  }
  lockData(directory).close();
});
