import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { afterAll, expect, test } from 'vitest';
import { storeContract } from './store.contract.ts';
import { openSealedSqliteStore, openSqliteStore, waitForSqliteStore } from './store-sqlite.ts';

const directory = mkdtempSync(join(tmpdir(), 'sotto store '));
let files = 0;
const freshPath = () => join(directory, `store-${++files}.db`);
afterAll(() => rmSync(directory, { recursive: true }));

const key = new Uint8Array(32).fill(7);

storeContract('the SQLite store', () => openSqliteStore(freshPath()));
storeContract('the encrypted SQLite store', () => openSealedSqliteStore(freshPath(), { key }));

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

test('a list costs what it gives, wherever in the store it lies', async () => {
  const store = openSqliteStore(freshPath());
  for (let page = 0; page < 50; page++) {
    await store.transaction(async (transaction) => {
      for (let entry = 0; entry < 1_000; entry++) {
        await transaction.put(`before/${page}/${entry}`, Uint8Array.of(1));
      }
    });
  }
  const begun = process.cpuUsage();
  for (let time = 0; time < 100; time++) {
    const found = await store.transaction((each) => each.list({ prefix: 'then/', limit: 1 }));
    expect(found).toEqual([]);
  }
  const { user, system } = process.cpuUsage(begun);
  expect((user + system) / 1000).toBeLessThan(100);
  await store.close();
});

test('a store in memory is not made as a file of that name', () => {
  expect(() => openSqliteStore(':memory:')).toThrow(/openMemoryStore/);
  expect(existsSync(':memory:')).toBe(false);
});

test('a file that is no store is refused and left as it is', () => {
  const text = freshPath();
  writeFileSync(text, 'a letter to a friend, long enough to be no header '.repeat(100));
  expect(() => openSqliteStore(text)).toThrow(expect.objectContaining({ code: 'store.invalid' }));

  expect(() => openSqliteStore(tmpdir())).toThrow(
    expect.objectContaining({ code: 'store.invalid' }),
  );

  const foreign = freshPath();
  const database = new DatabaseSync(foreign);
  database.exec('CREATE TABLE theirs (id INTEGER)');
  database.close();
  const before = readFileSync(foreign);
  expect(() => openSqliteStore(foreign)).toThrow(
    expect.objectContaining({ code: 'store.invalid' }),
  );
  expect(readFileSync(foreign).equals(before)).toBe(true);
});

test('a file of a newer release is refused, and not one byte of it changes', () => {
  const path = freshPath();
  const later = new DatabaseSync(path);
  later.exec('CREATE TABLE theirs (id INTEGER)');
  later.exec('PRAGMA application_id = 1399813236; PRAGMA user_version = 3');
  later.close();
  const before = readFileSync(path);
  expect(() => openSqliteStore(path)).toThrow(expect.objectContaining({ code: 'store.newer' }));
  expect(readFileSync(path).equals(before)).toBe(true);
});

test('a file of the first release is taken further, and keeps what it holds', async () => {
  const path = freshPath();
  const first = new DatabaseSync(path);
  first.exec(`CREATE TABLE entries (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
    INSERT INTO entries VALUES ('key', x'07');
    PRAGMA application_id = 1399813236; PRAGMA user_version = 1`);
  first.close();
  for (let opened = 0; opened < 2; opened++) {
    const store = openSqliteStore(path);
    expect(await store.transaction((transaction) => transaction.get('key'))).toEqual(
      Uint8Array.of(7),
    );
    await store.close();
  }
  const now = new DatabaseSync(path);
  expect(now.prepare('PRAGMA user_version').get()).toMatchObject({ user_version: 2 });
  now.close();
});

test('an encrypted file shows nothing, opens with its passphrase only, and is not taken for an empty one', async () => {
  const path = freshPath();
  const passphrase = 'correct horse battery staple';
  const store = await openSealedSqliteStore(path, { passphrase });
  const text = new TextEncoder().encode('see you at noon');
  await store.transaction((transaction) => transaction.put('peer/contact', text));
  await store.close();
  expect(readFileSync(path).includes('noon')).toBe(false);
  expect(readFileSync(path).includes('contact')).toBe(false);

  expect(() => openSqliteStore(path)).toThrow(expect.objectContaining({ code: 'store.sealed' }));
  const guess = openSealedSqliteStore(path, { passphrase: 'tr0ub4dor&3' });
  await expect(guess).rejects.toMatchObject({ code: 'store.key-wrong' });
  // Each refusal has let the file go.
  const again = await openSealedSqliteStore(path, { passphrase });
  expect(await again.transaction((transaction) => transaction.get('peer/contact'))).toEqual(text);
  await again.close();
});

test('a file in the clear is not opened as an encrypted one', async () => {
  const path = freshPath();
  const store = openSqliteStore(path);
  await store.transaction((transaction) => transaction.put('key', Uint8Array.of(7)));
  await store.close();
  const opening = openSealedSqliteStore(path, { key });
  await expect(opening).rejects.toMatchObject({ code: 'store.plain' });
  await openSqliteStore(path).close();
});

test('who waits gets the store when its holder closes it, and when its process is killed', async () => {
  const path = freshPath();
  const holder = openSqliteStore(path);
  const soon = waitForSqliteStore(path, { waitUntil: AbortSignal.timeout(200) });
  await expect(soon).rejects.toMatchObject({ code: 'store.locked' });
  const waiting = openSealedSqliteStore(path, { key }, { waitUntil: AbortSignal.timeout(30_000) });
  await holder.close();
  const next = await waiting;
  await next.close();

  const module = fileURLToPath(new URL('store-sqlite.ts', import.meta.url));
  const program = `
    import { openSealedSqliteStore } from ${JSON.stringify(module)};
    await openSealedSqliteStore(${JSON.stringify(path)}, { key: new Uint8Array(32).fill(7) });
    process.stdout.write('held');
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program]);
  await once(child.stdout, 'data');
  const after = openSealedSqliteStore(path, { key }, { waitUntil: AbortSignal.timeout(30_000) });
  child.kill('SIGKILL');
  await (await after).close();
});

test('a file that may not be read is not called damaged', () => {
  const path = freshPath();
  writeFileSync(path, '', { mode: 0o000 });
  const user = process.geteuid?.();
  // Whoever may do anything may read it, too.
  if (user === 0) {
    chmodSync(directory, 0o755);
    process.seteuid?.('nobody');
  }
  try {
    expect(() => openSqliteStore(path)).toThrow(
      expect.not.objectContaining({ code: 'store.invalid' }),
    );
  } finally {
    if (user === 0) process.seteuid?.(0);
  }
});
