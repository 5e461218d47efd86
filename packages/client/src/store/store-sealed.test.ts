import { nobleProvider } from '@sotto/crypto';
import { nodeProvider } from '@sotto/crypto/node';
import { expect, test } from 'vitest';
import type { Store, StoreEntry } from './store.ts';
import { openMemoryStore } from './store-memory.ts';
import { SEAL_KEY, type StoreSecret, sealStore } from './store-sealed.ts';

const key = new Uint8Array(32).fill(7);
const contact = '018f0000-0000-7000-8000-00000000000c';
const text = new TextEncoder().encode('see you at noon');

test('neither contacts nor contents are in what lies on the disk', async () => {
  const disk = lasting();
  const store = await open(disk, { key });
  await store.transaction(async (transaction) => {
    await transaction.put(`peer/${contact}`, text);
    await transaction.put(`session/${contact}/1`, text);
    await transaction.put(`message/${contact}/0000000000000042`, text);
  });
  const entries = await all(disk);
  const onDisk = entries.map((entry) => `${entry.key} ${decode(entry.value)}`).join('\n');
  for (const word of [contact, 'noon', 'peer', 'session', 'message']) {
    expect(onDisk).not.toContain(word);
  }
  // What has to sort stays as it is, and equal texts look different.
  expect(onDisk).toContain('/0000000000000042');
  expect(new Set(entries.map((entry) => decode(entry.value))).size).toBe(4);
});

test('one contact is called differently in each place, and the same in each transaction', async () => {
  const disk = lasting();
  const store = await open(disk, { key });
  const put = (path: string) => store.transaction((transaction) => transaction.put(path, text));
  await put(`peer/${contact}`);
  await put(`log-leaf/${contact}`);
  await put(`peer/${contact}`);
  const [seal, ...entries] = await all(disk);
  expect(seal?.key).toBe(SEAL_KEY);
  expect(new Set(entries.map((entry) => entry.key.split('/')[1])).size).toBe(2);
});

test('a record that was changed, or put in the place of another, is refused', async () => {
  const disk = lasting();
  const store = await open(disk, { key });
  await store.transaction(async (transaction) => {
    await transaction.put('a', text);
    await transaction.put('b', text);
  });
  const [, first, second] = await all(disk);
  const replace = (value: Uint8Array) =>
    disk.transaction((transaction) => transaction.put(first!.key, value));
  const read = () =>
    store.transaction(async (transaction) => [
      await transaction.get('a'),
      await transaction.get('b'),
    ]);
  const changed = first!.value.with(-1, first!.value.at(-1)! ^ 1);
  for (const value of [second!.value, changed, first!.value.subarray(1), new Uint8Array()]) {
    await replace(value);
    await expect(read()).rejects.toMatchObject({ code: 'store.invalid' });
    const listing = store.transaction((each) => each.list({ prefix: '', limit: 9 }));
    await expect(listing).rejects.toMatchObject({ code: 'store.invalid' });
  }
  await replace(first!.value);
  expect(await read()).toEqual([text, text]);
});

test('a passphrase opens what it closed, on every keyboard; another one is told to be wrong', async () => {
  const disk = lasting();
  const store = await open(disk, { passphrase: 'Jérôme' });
  await store.transaction((transaction) => transaction.put('a', text));
  const before = await all(disk);
  for (const secret of [{ passphrase: 'Jerome' }, { key }]) {
    await expect(open(disk, secret)).rejects.toMatchObject({ code: 'store.key-wrong' });
  }
  const again = await open(disk, { passphrase: 'Jérôme'.normalize('NFD') });
  expect(await again.transaction((transaction) => transaction.get('a'))).toEqual(text);
  expect(await all(disk)).toEqual(before);
});

test('another secret takes the place of the first; nothing but the wrapped key is written', async () => {
  const disk = lasting();
  const store = await open(disk, { key });
  await store.transaction((transaction) => transaction.put('a', text));
  const [, ...before] = await all(disk);
  const next = new Uint8Array(32).fill(8);
  await store.changeSecret({ key: next });
  await store.transaction((transaction) => transaction.put('b', text));
  await expect(open(disk, { key })).rejects.toMatchObject({ code: 'store.key-wrong' });
  const again = await open(disk, { key: next });
  expect(await again.transaction((transaction) => transaction.get('a'))).toEqual(text);
  expect(await all(disk)).toEqual(expect.arrayContaining(before));
});

test('a store in the clear is not encrypted afterwards', async () => {
  const disk = lasting();
  await disk.transaction((transaction) => transaction.put('account', text));
  await expect(open(disk, { key })).rejects.toMatchObject({ code: 'store.plain' });
  expect(await all(disk)).toEqual([{ key: 'account', value: text }]);
});

test('a seal of a newer release, a broken one, and one with another cost are refused and left', async () => {
  const disk = lasting();
  await open(disk, { key });
  const [seal] = await all(disk);
  const json = JSON.parse(decode(seal!.value));
  const lock = {
    type: 'passphrase',
    salt: 'A'.repeat(22),
    memoryKiB: 1 << 22,
    passes: 1,
    lanes: 1,
  };
  const cases = [
    { ...json, version: 2, lock: { type: 'fingerprint' } },
    { ...json, storeKey: 'AAAA' },
    { ...json, lock },
    'nothing',
  ];
  const codes: unknown[] = [];
  for (const value of cases) {
    const bytes = new TextEncoder().encode(JSON.stringify(value));
    await disk.transaction((transaction) => transaction.put(SEAL_KEY, bytes));
    const secret = { passphrase: 'x' };
    codes.push(await open(disk, secret).catch((error) => error.code));
    expect(await all(disk)).toEqual([{ key: SEAL_KEY, value: bytes }]);
  }
  expect(codes).toEqual(['store.newer', 'store.invalid', 'store.invalid', 'store.invalid']);
});

test('secrets that are none are refused before anything is written, and the store is closed', async () => {
  for (const secret of [{ passphrase: '' }, { key: key.subarray(1) }]) {
    const store = openMemoryStore();
    const opening = sealStore(store, { secret, provider: nodeProvider });
    await expect(opening).rejects.toBeInstanceOf(TypeError);
    await expect(store.transaction(async () => {})).rejects.toMatchObject({ code: 'store.closed' });
  }
});

test('a store made with one provider opens with the other', async () => {
  const disk = lasting();
  const made = await sealStore(disk, { secret: { key }, provider: nobleProvider });
  await made.transaction((transaction) => transaction.put(`peer/${contact}`, text));
  const store = await open(disk, { key });
  const found = await store.transaction((each) => each.list({ prefix: 'peer/', limit: 9 }));
  expect(found).toEqual([{ key: `peer/${contact}`, value: text }]);
});

/** A store in memory that closing does nothing to, like a disk. */
function lasting(): Store {
  return { ...openMemoryStore(), close: async () => {} };
}

function open(disk: Store, secret: StoreSecret) {
  return sealStore(disk, { secret, provider: nodeProvider });
}

function all(disk: Store): Promise<StoreEntry[]> {
  return disk.transaction((transaction) => transaction.list({ prefix: '', limit: 100 }));
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder('latin1').decode(bytes);
}
