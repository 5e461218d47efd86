/** The stores of a browser: the contract in a page, and what becomes of them when tabs end, wait and take over. */
import {
  deleteIndexedDbStore,
  openIndexedDbStore,
  openSealedIndexedDbStore,
} from '@sotto/client/indexeddb';
import { expect, test, vi } from 'vitest';
import './stores.suite.ts';

const WAIT_MS = 30_000;
/** For a test that waits many times, on a machine that is busy. */
const WAITS_MS = 180_000;
const value = Uint8Array.of(7);
const key = new Uint8Array(32).fill(7);
const freshName = () => `store ${crypto.randomUUID()}`;
const patiently = () => ({ waitUntil: AbortSignal.timeout(WAIT_MS) });

test('what was written is there when the store is opened again, and gone when it was deleted', async () => {
  const name = freshName();
  const first = await openIndexedDbStore(name);
  await first.transaction((transaction) => transaction.put('key', value));
  await expect(deleteIndexedDbStore(name)).rejects.toMatchObject({ code: 'store.locked' });
  await first.close();
  const second = await openIndexedDbStore(name);
  expect(await second.transaction((transaction) => transaction.get('key'))).toEqual(value);
  await second.close();
  await deleteIndexedDbStore(name);
  const third = await openIndexedDbStore(name);
  expect(await third.transaction((transaction) => transaction.get('key'))).toBeUndefined();
  await third.close();
});

test('a second client is told at once, told after its patience, or gets the store after the first', async () => {
  const name = freshName();
  const first = await openIndexedDbStore(name);
  await expect(openIndexedDbStore(name)).rejects.toMatchObject({ code: 'store.locked' });
  const soon = openIndexedDbStore(name, { waitUntil: AbortSignal.timeout(50) });
  await expect(soon).rejects.toMatchObject({ code: 'store.locked' });
  const waiting = openIndexedDbStore(name, patiently());
  const last = first.transaction((transaction) => transaction.put('key', value));
  await first.close();
  await last;
  const second = await waiting;
  expect(await second.transaction((transaction) => transaction.get('key'))).toEqual(value);
  await second.close();
  // The lock is free, so even who would not wait any more gets it.
  const third = await openIndexedDbStore(name, { waitUntil: AbortSignal.abort() });
  await third.close();
});

test.each([
  { kind: 'worker', start: startWorker },
  { kind: 'tab', start: startTab },
])(
  'a $kind that ends in the middle of writing has written all or nothing, and the next one goes on',
  async ({ start }) => {
    const name = freshName();
    const told: unknown[] = [];
    const channel = new BroadcastChannel(name);
    channel.addEventListener('message', ({ data }) => told.push(data));
    const openings = () => told.filter((message) => message === 'open');
    let writer = start(name);
    for (let round = 1; round <= 6; round++) {
      // What the one before has said may still come after its end.
      await vi.waitFor(() => expect(openings()).toHaveLength(round), WAIT_MS);
      const goal = told.length + 2 + Math.floor(Math.random() * 12);
      await vi.waitFor(() => expect(told.length).toBeGreaterThan(goal), WAIT_MS);
      const next = start(name);
      await new Promise((resolve) => setTimeout(resolve, Math.random() * 20));
      // One writes at a time, so the next one has said nothing yet.
      expect(openings()).toHaveLength(round);
      writer.end();
      writer = next;
    }
    writer.end();
    channel.close();

    const store = await openIndexedDbStore(name, patiently());
    const [first, middle, second] = await store.transaction(async (transaction) => [
      await transaction.get('first'),
      await transaction.get('middle'),
      await transaction.get('second'),
    ]);
    await store.close();
    const count = new DataView(first!.buffer).getUint32(0);
    expect(second).toEqual(first);
    expect(middle!.every((byte) => byte === count % 256)).toBe(true);
    // In order and without a gap, over all ends: what had been told was on the disk.
    const numbers = told.filter((message) => typeof message === 'number');
    expect(numbers.length).toBeGreaterThan(12);
    expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
    expect(new Set(numbers).size).toBe(numbers.length);
    expect(count).toBeGreaterThanOrEqual(numbers.at(-1)!);
    await deleteIndexedDbStore(name);
  },
  WAITS_MS,
);

test('a client whose lock was given to another one writes nothing more', async () => {
  const name = freshName();
  const first = await openIndexedDbStore(name);
  await first.transaction((transaction) => transaction.put('key', value));
  let free = () => {};
  const stolen = new Promise<void>((resolve) => {
    free = resolve;
  });
  const theft = navigator.locks.request(`sotto-store/${name}`, { steal: true }, () => stolen);
  const write = () => first.transaction((transaction) => transaction.put('key', Uint8Array.of(8)));
  await vi.waitFor(() => expect(write()).rejects.toMatchObject({ code: 'store.locked' }), WAIT_MS);
  free();
  await theft;
  await first.close();
});

test('a client that was stopped while another one opened the store is stopped by the mark', async () => {
  const name = freshName();
  const first = await openIndexedDbStore(name);
  await first.transaction((transaction) => transaction.put('key', value));
  // As another client does it, without the lock: as if a browser had given that away and told nobody.
  const database = await open(`sotto/${name}`);
  await inHolder(database, (holder) => holder.put(crypto.randomUUID(), 'holder'));
  for (let time = 0; time < 2; time++) {
    const write = first.transaction((transaction) => transaction.put('key', Uint8Array.of(8)));
    await expect(write).rejects.toMatchObject({ code: 'store.locked' });
  }
  await expect(first.transaction((each) => each.get('key'))).rejects.toMatchObject({
    code: 'store.locked',
  });
  await first.close();
  database.close();
  const second = await openIndexedDbStore(name);
  expect(await second.transaction((transaction) => transaction.get('key'))).toEqual(value);
  await second.close();
});

test('a store of a newer release is refused and left as it is, and so is what is none', async () => {
  const name = freshName();
  const store = await openIndexedDbStore(name);
  await store.transaction((transaction) => transaction.put('key', value));
  await store.close();
  (await open(`sotto/${name}`, 99)).close();
  await expect(openIndexedDbStore(name)).rejects.toMatchObject({ code: 'store.newer' });
  const after = await open(`sotto/${name}`);
  expect([after.version, [...after.objectStoreNames]]).toEqual([99, ['entries', 'holder']]);
  after.close();

  const foreign = freshName();
  (await open(`sotto/${foreign}`, 1)).close();
  await expect(openIndexedDbStore(foreign)).rejects.toMatchObject({ code: 'store.invalid' });
});

test('an encrypted store opens with its passphrase only, and is not taken for an empty one', async () => {
  const name = freshName();
  const passphrase = 'correct horse battery staple';
  const store = await openSealedIndexedDbStore(name, { passphrase });
  await store.transaction((transaction) => transaction.put('peer/contact', value));
  await store.changeSecret({ key });
  await store.close();
  const refused = { code: 'store.sealed' };
  await expect(openIndexedDbStore(name)).rejects.toMatchObject(refused);
  const wrong = openSealedIndexedDbStore(name, { passphrase });
  await expect(wrong).rejects.toMatchObject({ code: 'store.key-wrong' });
  const again = await openSealedIndexedDbStore(name, { key });
  expect(await again.transaction((transaction) => transaction.get('peer/contact'))).toEqual(value);
  await again.close();
});

test('a store in the clear is not opened as an encrypted one', async () => {
  const name = freshName();
  const store = await openIndexedDbStore(name);
  await store.transaction((transaction) => transaction.put('key', value));
  await store.close();
  const opening = openSealedIndexedDbStore(name, { key });
  await expect(opening).rejects.toMatchObject({ code: 'store.plain' });
  await (await openIndexedDbStore(name)).close();
});

interface Writer {
  end(): void;
}

function startWorker(name: string): Writer {
  const worker = new Worker(new URL('./store-writer.ts', import.meta.url), {
    type: 'module',
    name,
  });
  return { end: () => worker.terminate() };
}

function startTab(name: string): Writer {
  const frame = document.createElement('iframe');
  frame.name = name;
  const script = new URL('./store-writer.ts', import.meta.url).href;
  frame.srcdoc = `<script type="module" src="${script}"></script>`;
  document.body.append(frame);
  return { end: () => frame.remove() };
}

function open(name: string, version?: number): Promise<IDBDatabase> {
  return promised(indexedDB.open(name, version));
}

async function inHolder(database: IDBDatabase, act: (holder: IDBObjectStore) => IDBRequest) {
  const transaction = database.transaction('holder', 'readwrite', { durability: 'strict' });
  await promised(act(transaction.objectStore('holder')));
}

function promised<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });
}
