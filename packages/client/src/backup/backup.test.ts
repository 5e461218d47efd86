/** A backup holds what its owner would miss, no key that two devices must not share, and is restored whole or not at all. */
import { appendFileSync, mkdtempSync, openAsBlob, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { nodeProvider } from '@sotto/crypto/node';
import { expect, test } from 'vitest';
import { getPeer, IdentityRecord } from '../account/records.ts';
import { Restored } from '../account/restored-account.ts';
import { createClient } from '../client.ts';
import { readHistory } from '../messages/conversations.ts';
import { keys } from '../store/key-space.ts';
import { withMigrations } from '../store/record-migrations.ts';
import type { Store, StoreEntry } from '../store/store.ts';
import { openMemoryStore } from '../store/store-memory.ts';
import { getRecord } from '../store/stored-record.ts';
import {
  ALICE,
  ALICES_DEVICE,
  BOB,
  CONVERSATION,
  messageAt,
  type Said,
  say,
  settle,
} from './archive.fixture.ts';
import { openBackup, sealBackup } from './archive-file.ts';
import { kindOf, kindsFor } from './archive-kinds.ts';
import { exportBackup, makeRecoveryKey, restoreBackup } from './backup.ts';
import { decodeRecoveryWords } from './recovery-words.ts';

const provider = nodeProvider;
const options = { provider };
const words = makeRecoveryKey(provider);
const NOW = Date.parse('2026-11-21T12:00:00Z');

const said = (count: number): Said[] =>
  Array.from({ length: count }, (_, index) => ({ text: `message ${index + 1}`, at: NOW + index }));

test('what is restored is what was there, and a device that is yet to be made', async () => {
  const store = openMemoryStore();
  const seed = await settle(store, provider);
  await say(store, said(250));
  const into = openMemoryStore();
  const clock = () => NOW;
  const backup = await collect(await exportBackup(store, words, { provider, clock }));
  const restored = await restoreBackup(into, words.toUpperCase(), backup, options);
  expect(restored).toEqual({ user: ALICE, username: 'alice', madeAt: NOW });

  const range = { limit: 1000 };
  const before = await readHistory(store, CONVERSATION, range);
  expect(before).toHaveLength(250);
  expect(await readHistory(into, CONVERSATION, range)).toEqual(before);
  await into.transaction(async (it) => {
    const { id, sender } = messageAt(7, { text: '', at: NOW });
    expect(await it.get(keys.messageId(sender, id))).toBeDefined();
    const pins = { user: BOB, devices: [], list: { version: 3 }, acceptedAt: 5 };
    const peer = await getPeer(it, BOB);
    expect(peer).toMatchObject(pins);
    // It would say that there are no devices.
    expect(peer?.version).toBeUndefined();
    expect(await getRecord(it, keys.identity, IdentityRecord)).toMatchObject({
      seed,
      isShared: true,
    });
    expect(await getRecord(it, keys.restored, Restored)).toEqual({
      user: ALICE,
      username: 'alice',
    });
    expect(await it.get(keys.account)).toBeUndefined();
    expect(await it.get(keys.cursor(CONVERSATION))).toBeUndefined();
    for (const key of [
      keys.ownList,
      keys.logPin,
      keys.logTree,
      keys.logOwnLeaf,
      keys.logLeaf(BOB),
    ]) {
      expect(await it.get(key)).toEqual(await store.transaction((of) => of.get(key)));
    }
  });
});

test('a restore that is given up half way leaves the store as it was', async () => {
  const from = openMemoryStore();
  await settle(from, provider);
  await say(from, said(250));
  const backup = await collect(await exportBackup(from, words, options));
  const giving = new AbortController();
  const into = openMemoryStore();
  let writes = 0;
  const store: Store = {
    ...into,
    transaction: (work) => {
      if (++writes === 3) giving.abort(new Error('enough'));
      return into.transaction(work);
    },
  };
  const restoring = restoreBackup(store, words, backup, { provider, signal: giving.signal });
  await expect(restoring).rejects.toThrow('enough');
  expect(await entriesOf(into)).toEqual([]);
});

test('of everything that a store can hold, only what is sorted into a backup leaves it', async () => {
  const store = openMemoryStore();
  await settle(store, provider);
  await say(store, said(3));
  const secret = 'never to leave this device';
  const kept = new Set(kindsFor('backup'));
  await withMigrations(store).transaction(async (it) => {
    for (const make of Object.values(keys)) {
      const key = typeof make === 'string' ? make : Reflect.apply(make, undefined, ['x', 'x', 'x']);
      const sound = String(key).replace(/\/$/, '/x');
      const isTaken = (await it.get(sound)) !== undefined;
      if (!kept.has(kindOf(sound)) && !isTaken) await it.put(sound, bytesOf(secret));
    }
  });
  const records = await open(await collect(await exportBackup(store, words, options)));
  expect(records[0]?.key).toBe('archive');
  for (const { key } of records.slice(1)) expect(kept).toContain(kindOf(key));
  const all = textOf(records);
  expect(all).toContain('message 3');
  for (const never of [secret, 'access-secret', 'refresh-secret', ALICES_DEVICE]) {
    expect(all).not.toContain(never);
  }
});

test('messages that are to go away are in no backup', async () => {
  const store = openMemoryStore();
  await settle(store, provider);
  await say(store, [
    { text: 'to stay', at: NOW },
    { text: 'to go', at: NOW, expiresIn: 3600 },
  ]);
  const all = textOf(await open(await collect(await exportBackup(store, words, options))));
  expect(all).toContain('to stay');
  expect(all).not.toContain('to go');
});

test('other words open nothing, and words that are none are told at once', async () => {
  const backup = await makeBackup(3);
  const wrong = { code: 'backup.words-wrong' };
  await refuses(makeRecoveryKey(provider), backup, wrong);
  await refuses('twenty four words', backup, wrong);
  await expect(exportBackup(openMemoryStore(), 'zoo', options)).rejects.toMatchObject(wrong);
});

test('a backup that was cut anywhere, or goes on, is refused', async () => {
  const backup = await makeBackup(200);
  expect(backup.length).toBeGreaterThan(3 * 16 * 1024);
  const damaged = { code: 'backup.damaged' };
  const chunk = 16 * 1024 + 16;
  const lengths = [
    0,
    1,
    12,
    13,
    60,
    76,
    77,
    100,
    133,
    200,
    133 + chunk,
    133 + 2 * chunk,
    backup.length - 1,
  ];
  for (const length of lengths) await refuses(words, backup.slice(0, length), damaged);
  const longer = new Uint8Array(backup.length + 1);
  longer.set(backup);
  await refuses(words, longer, damaged);
});

test('no changed byte is accepted', async () => {
  const backup = await makeBackup(60);
  for (let at = 0; at < backup.length; at += at < 140 ? 1 : 997) {
    const changed = backup.slice();
    changed[at]! ^= 1;
    await refuses(words, changed, {
      code: expect.stringMatching(/^backup\.(damaged|unsupported|words-wrong)$/),
    });
  }
});

test('a backup of another version is refused as such', async () => {
  const backup = await makeBackup(3);
  for (const version of [0, 2, 255]) {
    const other = backup.slice();
    other[12] = version;
    await refuses(words, other, { code: 'backup.unsupported' });
  }
});

test('a backup with a kind of record that this release does not know is refused', async () => {
  const records = await open(await makeBackup(3));
  const [head] = records;
  const value = bytesOf('{}');
  for (const key of ['later/x', 'session/x/y', 'message/x/y', 'peer/', 'archive']) {
    const crafted = [head!, { key, value }];
    const sealed = sealBackup(provider, decodeRecoveryWords(words), streamed(crafted));
    await refuses(words, await collect(sealed), { code: 'backup.unsupported' });
  }
  const headless = sealBackup(provider, decodeRecoveryWords(words), streamed(records.slice(1)));
  await refuses(words, await collect(headless), { code: 'backup.unsupported' });
});

test('a store that a newer release has written is neither backed up nor restored into', async () => {
  const newer = { code: 'store.newer' };
  const store = openMemoryStore();
  await settle(store, provider);
  const backup = await exported(store);
  const into = openMemoryStore();
  for (const one of [store, into]) {
    await one.transaction((it) => it.put(keys.recordVersion, bytesOf('{"version":99}')));
  }
  await expect(exportBackup(store, words, options)).rejects.toMatchObject(newer);
  await expect(restoreBackup(into, words, backup, options)).rejects.toMatchObject(newer);
  expect(await entriesOf(into)).toEqual([]);
});

test('what an older release has left is brought up to date before it is looked at', async () => {
  const store = openMemoryStore();
  await settle(store, provider);
  const budget = (one: Store) => one.transaction((it) => it.get('again-budget/old'));
  await store.transaction((it) => it.put('again-budget/old', bytesOf('{}')));
  const into = openMemoryStore();
  await into.transaction((it) => it.put('again-budget/old', bytesOf('{}')));
  await restoreBackup(into, words, await exported(store), options);
  expect(await Promise.all([budget(store), budget(into)])).toEqual([undefined, undefined]);
});

test('a store that somebody uses is left alone', async () => {
  const backup = await makeBackup(3);
  const used = { code: 'backup.store-used' };
  const store = openMemoryStore();
  await settle(store, provider);
  const before = await entriesOf(store);
  await expect(restoreBackup(store, words, backup, options)).rejects.toMatchObject(used);
  expect(await entriesOf(store)).toEqual(before);
  const restored = openMemoryStore();
  await restoreBackup(restored, words, backup, options);
  await expect(restoreBackup(restored, words, backup, options)).rejects.toMatchObject(used);
});

test('of two that are restored at once the first one is, whole, and the second finds the store in use', async () => {
  const backup = await makeBackup(1_500);
  const into = openMemoryStore();
  const [first, second] = [backup, backup].map((it) => restoreBackup(into, words, it, options));
  await expect(second).rejects.toMatchObject({ code: 'backup.store-used' });
  expect(await first).toMatchObject({ username: 'alice' });
  expect(await readHistory(into, CONVERSATION, { limit: 2_000 })).toHaveLength(1_500);
});

test('a restore that the store cuts off leaves a store for nobody, and goes on', async () => {
  const backup = await makeBackup(1200);
  const store = openMemoryStore();
  let left = 3;
  const failing: Store = {
    ...store,
    transaction: (work) => {
      left -= 1;
      return left < 0 ? Promise.reject(new Error('the disk is gone')) : store.transaction(work);
    },
  };
  await expect(restoreBackup(failing, words, backup, options)).rejects.toThrow('the disk is gone');
  const mark = await store.transaction((it) => getRecord(it, keys.restored, Restored));
  expect(mark).toEqual({ user: ALICE, username: 'alice', isUnfinished: true });
  const client = createClient({
    url: 'http://127.0.0.1:9',
    store: { ...store, close: async () => {} },
  });
  const unfinished = { code: 'backup.unfinished' };
  const alice = { username: 'alice', password: 'Correct-Horse-7' };
  await expect(client.login(alice)).rejects.toMatchObject(unfinished);
  await expect(client.register(alice)).rejects.toMatchObject(unfinished);
  await expect(client.beginLink()).rejects.toMatchObject(unfinished);
  await client.close();
  // Of another backup, which must not be mixed with what is there.
  await restoreBackup(store, words, await makeBackup(10), options);
  expect(await readHistory(store, CONVERSATION, { limit: 2000 })).toHaveLength(10);
});

test('a backup that changes while it is restored leaves nothing', async () => {
  const path = join(mkdtempSync(join(tmpdir(), 'sotto-backup-')), 'backup');
  try {
    writeFileSync(path, await makeBackup(1200));
    const store = openMemoryStore();
    const meanwhile: Store = {
      ...store,
      transaction(work) {
        appendFileSync(path, 'more');
        return store.transaction(work);
      },
    };
    const restoring = restoreBackup(meanwhile, words, await openAsBlob(path), options);
    await expect(restoring).rejects.toMatchObject({ name: 'NotReadableError' });
    expect(await entriesOf(store)).toEqual([]);
  } finally {
    rmSync(dirname(path), { recursive: true });
  }
});

test('only an account has a backup', async () => {
  const missing = { code: 'account.missing' };
  await expect(exportBackup(openMemoryStore(), words, options)).rejects.toMatchObject(missing);
});

test('backups of one store under the same words have nothing in common but their length', async () => {
  const store = openMemoryStore();
  await settle(store, provider);
  await say(store, said(5));
  const [one, other] = [await exported(store), await exported(store)];
  await say(store, said(6).slice(5), 5);
  const longer = await exported(store);
  expect([other.length, longer.length]).toEqual([one.length, one.length]);
  for (const at of [13, 45, 77, 101, 133]) {
    expect(other.slice(at, at + 16)).not.toEqual(one.slice(at, at + 16));
  }
});

test('a store is read as far as its backup is, and no further', async () => {
  const store = openMemoryStore();
  await settle(store, provider);
  for (let after = 0; after < 5000; after += 1000) await say(store, said(1000), after);
  let pages = 0;
  const counting: Store = {
    ...store,
    transaction: (work) => {
      pages += 1;
      return store.transaction(work);
    },
  };
  const reader = (await exportBackup(counting, words, options)).getReader();
  let bytes = 0;
  while (bytes < 64 * 1024) bytes += (await reader.read()).value?.length ?? expect.fail('it ended');
  expect(pages).toBeLessThan(30);
  await reader.cancel();
  const before = pages;
  await new Promise((resolve) => setImmediate(resolve));
  expect(pages).toBe(before);
});

async function* streamed(records: readonly StoreEntry[]): AsyncGenerator<StoreEntry> {
  yield* records;
}

async function makeBackup(messages: number): Promise<Uint8Array<ArrayBuffer>> {
  const store = openMemoryStore();
  await settle(store, provider);
  await say(store, said(messages));
  return exported(store);
}

async function exported(store: Store): Promise<Uint8Array<ArrayBuffer>> {
  return collect(await exportBackup(store, words, options));
}

async function refuses(
  typed: string,
  backup: Uint8Array<ArrayBuffer>,
  error: { code: unknown },
): Promise<void> {
  let transactions = 0;
  const store = openMemoryStore();
  const watched: Store = {
    ...store,
    transaction(work) {
      transactions += 1;
      return store.transaction(work);
    },
  };
  await expect(restoreBackup(watched, typed, backup, options)).rejects.toMatchObject(error);
  // Not even for a while.
  expect(transactions).toBe(0);
}

/** All but what says in which form they are. */
async function entriesOf(store: Store): Promise<StoreEntry[]> {
  const all = await store.transaction((it) => it.list({ prefix: '', limit: 10_000 }));
  return all.filter(({ key }) => key !== keys.recordVersion);
}

async function collect(stream: ReadableStream<Uint8Array>): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(
    await new Response(stream as ReadableStream<Uint8Array<ArrayBuffer>>).arrayBuffer(),
  );
}

async function open(backup: Uint8Array<ArrayBuffer>): Promise<StoreEntry[]> {
  const opened = await openBackup(provider, decodeRecoveryWords(words), new Blob([backup]));
  return Array.fromAsync(opened.records());
}

function textOf(records: readonly StoreEntry[]): string {
  return records.map(({ key, value }) => `${key} ${new TextDecoder().decode(value)}`).join('\n');
}

function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
