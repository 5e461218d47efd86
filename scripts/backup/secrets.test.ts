import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Header } from './records.ts';
import { checkSecrets, putBackSecrets, readSecrets } from './secrets.ts';
import { fingerprintOf } from './site.ts';

const NO_TABLES = { migrations: [], partitions: [], sequences: [] };

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'sotto-secrets-'));
  vi.stubEnv('DATA_DIR', directory);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(directory, { recursive: true, force: true });
});

test('a backup whose secrets are not those of its rows is refused', () => {
  const header = writtenWith('the-key-of-the-rows');
  const check = (field: string) =>
    checkSecrets({ header, secrets: new Map([['field', field]]) }, { others: false });
  expect(() => check('another-platform’s-key')).toThrow('FIELD_KEYS');
  expect(() => check('a-newer-key,the-key-of-the-rows')).not.toThrow();
});

test('secrets beside a database elsewhere go into a backup only where they are named', () => {
  keep('field', 'the-key-of-the-rows');
  vi.stubEnv('DATABASE_URL', 'postgres://sotto@127.0.0.1:1/sotto');
  expect([...readSecrets()]).toEqual([['field', 'the-key-of-the-rows']]);
  vi.stubEnv('DATA_DIR', '');
  expect(() => readSecrets()).toThrow('DATA_DIR');
});

test('secrets that are others than those in use do not go into a backup', () => {
  keep('field', 'the-key-of-an-old-try');
  vi.stubEnv('FIELD_KEYS', 'the-key-of-the-rows');
  expect(() => readSecrets()).toThrow('FIELD_KEYS');
});

test('secrets of a backup that is not restored after all leave again, and only those', () => {
  keep('key-log', 'here-before');
  const file = (name: string) => join(directory, 'secrets', name);
  const secrets = new Map([
    ['field', 'brought'],
    ['key-log', 'here-before'],
  ]);
  const takeAway = putBackSecrets({ secrets });
  expect(readFileSync(file('field'), 'utf8')).toBe('brought\n');
  takeAway();
  expect(existsSync(file('field'))).toBe(false);
  expect(readFileSync(file('key-log'), 'utf8')).toBe('here-before\n');
});

test('secrets of a backup stay in it where services have theirs from elsewhere', () => {
  vi.stubEnv('DATABASE_URL', 'postgres://sotto@127.0.0.1:1/sotto');
  vi.stubEnv('DATA_DIR', '');
  putBackSecrets({ secrets: new Map([['field', 'brought']]) });
  expect(existsSync(join(directory, 'secrets', 'field'))).toBe(false);
});

function keep(name: string, text: string): void {
  mkdirSync(join(directory, 'secrets'), { recursive: true });
  writeFileSync(join(directory, 'secrets', name), `${text}\n`);
}

function writtenWith(fieldKeys: string): Header {
  return {
    takenAt: '2026-11-21T20:00:00.000Z',
    release: '0.1.0',
    postgres: '18.4',
    incarnation: 1,
    schemas: { auth: NO_TABLES, key: NO_TABLES, message: NO_TABLES, file: NO_TABLES },
    fingerprints: { FIELD_KEYS: fingerprintOf(fieldKeys) },
  };
}
