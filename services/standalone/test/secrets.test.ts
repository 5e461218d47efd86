import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { secret } from '../src/secrets.ts';

let directory: string;

beforeEach(() => {
  directory = join(mkdtempSync(join(tmpdir(), 'sotto-secrets-')), 'data', 'secrets');
});
afterEach(() => rmSync(join(directory, '..', '..'), { recursive: true, force: true }));

test('a secret is made once and stays the same', () => {
  const first = secret(directory, 'internal');
  expect(first).toMatch(/^[A-Za-z0-9_-]{43}$/);
  expect(secret(directory, 'internal')).toBe(first);
  expect(secret(directory, 'postgres')).not.toBe(first);
});

test('only its owner can read a secret or list the folder', () => {
  secret(directory, 'internal');
  expect(statSync(directory).mode & 0o777).toBe(0o700);
  expect(statSync(join(directory, 'internal')).mode & 0o777).toBe(0o600);
});

test('no draft is left behind', () => {
  secret(directory, 'internal');
  expect(readdirSync(directory)).toEqual(['internal']);
});

test('a file that holds something else is refused, not replaced, and not quoted', () => {
  secret(directory, 'internal');
  const path = join(directory, 'internal');
  chmodSync(path, 0o600);
  writeFileSync(path, 'my own words');
  expect(() => secret(directory, 'internal')).toThrow(/does not hold a secret/);
  expect(() => secret(directory, 'internal')).not.toThrow(/my own words/);
});
