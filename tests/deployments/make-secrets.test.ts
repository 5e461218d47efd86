/** What a start of `docker compose` that was cut off leaves of the secrets, and what the next one makes of it. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test } from 'vitest';
import { makeSecrets, type Recipients, setSecret } from '../../deployments/docker/make-secrets.ts';

const user = process.getuid?.() ?? 0;
const containers: Recipients = { one: { user, secrets: ['first', 'second'] } };

let kept: string;
let handed: string;

beforeEach(() => {
  const directory = mkdtempSync(join(tmpdir(), 'sotto-secrets-'));
  [kept, handed] = [join(directory, 'kept'), join(directory, 'for')];
  mkdirSync(kept);
  onTestFinished(() => rmSync(directory, { recursive: true }));
});
const read = (name: string) => readFileSync(join(kept, name), 'utf8');

test('an empty secret is made, and the one beside it stays', () => {
  writeFileSync(join(kept, 'first'), '');
  writeFileSync(join(kept, 'second'), 'of the first start');
  makeSecrets({ kept, handed }, containers);
  expect([read('first'), read('second')]).toEqual([
    expect.stringMatching(/^[0-9a-f]{64}$/),
    'of the first start',
  ]);
});

test('a draft that was left is nobody’s secret, and in nobody’s way', () => {
  mkdirSync(join(handed, 'one'), { recursive: true });
  for (const folder of [kept, join(handed, 'one')]) {
    writeFileSync(join(folder, 'first.next'), 'half', { mode: 0o400 });
  }
  makeSecrets({ kept, handed }, containers);
  expect(read('first')).toMatch(/^[0-9a-f]{64}$/);
  expect(readdirSync(kept).toSorted()).toEqual(['first', 'second']);
  expect(readdirSync(join(handed, 'one')).toSorted()).toEqual(['first', 'second']);
  writeFileSync(join(kept, 'second.next'), 'half', { mode: 0o400 });
  setSecret(kept, 'second', { text: 'of a database', containers });
  expect(read('second')).toBe('of a database');
});
