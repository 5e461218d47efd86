import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { storeContract } from './store.contract.ts';
import { openSqliteStore } from './store-sqlite.ts';

const directory = mkdtempSync(join(tmpdir(), 'sotto store '));
let files = 0;
const freshPath = () => join(directory, `store-${++files}.db`);
afterAll(() => rmSync(directory, { recursive: true }));

storeContract('the SQLite store', () => openSqliteStore(freshPath()));

test('what was written is there when the file is opened again, and readable for its owner only', async () => {
  const path = freshPath();
  const first = openSqliteStore(path);
  await first.transaction((transaction) => transaction.put('key', Uint8Array.of(7)));
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(statSync(`${path}-wal`).mode & 0o777).toBe(0o600);
  await first.close();
  const second = openSqliteStore(path);
  expect(await second.transaction((transaction) => transaction.get('key'))).toEqual(
    Uint8Array.of(7),
  );
  await second.close();
});

test('what a killed process had committed is there, and its lock is not', async () => {
  const path = freshPath();
  const module = fileURLToPath(new URL('store-sqlite.ts', import.meta.url));
  const program = `
    import { openSqliteStore } from ${JSON.stringify(module)};
    const store = openSqliteStore(${JSON.stringify(path)});
    await store.transaction((transaction) => transaction.put('key', Uint8Array.of(1)));
    store.transaction(async (transaction) => {
      await transaction.put('key', Uint8Array.of(2));
      process.kill(process.pid, 'SIGKILL');
    });
    setInterval(() => {}, 1000);`;
  const child = spawnSync(process.execPath, ['--input-type=module', '-e', program]);
  expect(child.signal, String(child.stderr)).toBe('SIGKILL');
  const store = openSqliteStore(path);
  expect(await store.transaction((transaction) => transaction.get('key'))).toEqual(
    Uint8Array.of(1),
  );
  await store.close();
});

test('a store that is open is refused to a second client and to a second process', async () => {
  const path = freshPath();
  const store = openSqliteStore(path);
  expect(() => openSqliteStore(path)).toThrow(expect.objectContaining({ code: 'store.locked' }));
  const module = fileURLToPath(new URL('store-sqlite.ts', import.meta.url));
  const program = `
    import { openSqliteStore } from ${JSON.stringify(module)};
    try { openSqliteStore(${JSON.stringify(path)}); } catch (error) { process.stdout.write(error.code); }`;
  const child = spawnSync(process.execPath, ['--input-type=module', '-e', program]);
  expect(String(child.stdout)).toBe('store.locked');
  await store.transaction((transaction) => transaction.put('still', Uint8Array.of(1)));
  await store.close();
  await openSqliteStore(path).close();
});

test('a store in memory is not made as a file of that name', () => {
  expect(() => openSqliteStore(':memory:')).toThrow(/openMemoryStore/);
  expect(existsSync(':memory:')).toBe(false);
});

test('a file that is no store is refused and left as it is', () => {
  const text = freshPath();
  writeFileSync(text, 'a letter to a friend, long enough to be no header '.repeat(100));
  expect(() => openSqliteStore(text)).toThrow(expect.objectContaining({ code: 'store.invalid' }));

  const foreign = freshPath();
  const database = new DatabaseSync(foreign);
  database.exec('CREATE TABLE theirs (id INTEGER)');
  database.close();
  expect(() => openSqliteStore(foreign)).toThrow(
    expect.objectContaining({ code: 'store.invalid' }),
  );

  const newer = freshPath();
  const later = new DatabaseSync(newer);
  later.exec('PRAGMA application_id = 1399813236; PRAGMA user_version = 2');
  later.close();
  expect(() => openSqliteStore(newer)).toThrow(expect.objectContaining({ code: 'store.invalid' }));
});
