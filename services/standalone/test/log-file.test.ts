import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openLogFile } from '../src/log-file.ts';

let path: string;
let shown: string[];

beforeEach(() => {
  path = join(mkdtempSync(join(tmpdir(), 'sotto-log-')), 'logs', 'sotto.log');
  shown = [];
});
afterEach(() => rmSync(join(path, '..', '..'), { recursive: true, force: true }));

const open = () => openLogFile(path, (line) => shown.push(line));
const lineOf = (event: string, level = 'warn') => `${JSON.stringify({ level, event })}\n`;
const lines = () =>
  readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

/** Lets no file of this process grow beyond a size while something runs, as a full disk would not. */
function whileFilesEndAt(bytes: number, work: () => void): void {
  const limit = (size: string) =>
    execFileSync('prlimit', ['--pid', String(process.pid), `--fsize=${size}:`]);
  limit(String(bytes));
  try {
    work();
  } finally {
    limit('unlimited');
  }
}

test('lines are kept from one start to the next, and errors are shown at once', () => {
  open().write(lineOf('one'));
  open().write(lineOf('two', 'error'));
  expect(lines().map(({ event }) => event)).toEqual(['one', 'two']);
  expect(shown).toEqual([lineOf('two', 'error')]);
});

test.runIf(process.platform === 'linux')(
  'a full disk drops whole lines, and the log says how many once it is written again',
  () => {
    const log = open();
    log.write(lineOf('before'));
    const full = Buffer.byteLength(lineOf('before')) + 5;
    whileFilesEndAt(full, () => {
      for (const event of ['half', 'none']) log.write(lineOf(event));
      log.write(lineOf('seen', 'error'));
    });
    log.write(lineOf('after'));
    log.write(lineOf('later'));
    expect(lines()).toMatchObject([
      { event: 'before' },
      { level: 'warn', event: 'lines could not be written', count: 3 },
      { event: 'after' },
      { event: 'later' },
    ]);
    expect(shown).toEqual([lineOf('seen', 'error')]);
  },
);

test('a long file makes room, and one that cannot does so when it can', () => {
  mkdirSync(join(path, '..'));
  writeFileSync(path, 'x'.repeat(10 * 1024 * 1024 + 1));
  const log = open();
  // A folder in the way of the file that is to be kept.
  mkdirSync(`${path}.1`);
  log.write(lineOf('dropped'));
  rmSync(`${path}.1`, { recursive: true });
  log.write(lineOf('written'));
  expect(lines()).toMatchObject([{ count: 1 }, { event: 'written' }]);
  expect(existsSync(`${path}.1`)).toBe(true);
});
