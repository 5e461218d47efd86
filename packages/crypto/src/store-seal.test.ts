import { expect, test } from 'vitest';
import { fastProvider, providers, seededProvider } from './providers.fixture.ts';
import {
  blindStoreName,
  makeStoreKey,
  openStoreRecord,
  sealStoreRecord,
  storeKeysOf,
  stretchPassphrase,
  unwrapStoreKey,
  wrapStoreKey,
} from './store-seal.ts';

const hex = (bytes: Uint8Array) => bytes.toHex();
const data = new TextEncoder().encode('a record');
const cost = { memoryKiB: 64, passes: 2, lanes: 1 };
const lockOf = (fill: number) => ({
  wrappingKey: new Uint8Array(32).fill(fill),
  description: Uint8Array.of(fill),
});

/** Made with the reference implementation by way of Node's OpenSSL: `argon2Sync('argon2id', …)`. */
test('a passphrase is stretched by Argon2id, over its bytes in the one form of Unicode', async () => {
  const salt = new TextEncoder().encode('somesaltsomesalt');
  expect(hex(await stretchPassphrase('password', salt, cost))).toBe(
    '1a98fba8e6394425c9bdc333a9c750aaf811df070f5fb4a5788e1cf4db5793a1',
  );
  expect(hex(await stretchPassphrase('pa\u0308ss', salt, cost))).toBe(
    '193b6fe392f6302ce8f38696437541e18d92dd9044fdd34d468e07f79ac72938',
  );
});

test('no passphrase, no salt, and costs that a changed file may ask for are refused', async () => {
  const salt = new Uint8Array(16);
  const bad = [
    stretchPassphrase('', salt, cost),
    stretchPassphrase('a', salt.subarray(1), cost),
    stretchPassphrase('a', salt, { ...cost, memoryKiB: 256 * 1024 + 1 }),
    stretchPassphrase('a', salt, { ...cost, memoryKiB: 7 }),
    stretchPassphrase('a', salt, { ...cost, passes: 9 }),
    stretchPassphrase('a', salt, { ...cost, passes: 0 }),
    stretchPassphrase('a', salt, { ...cost, lanes: 5 }),
  ];
  for (const stretching of bad) {
    await expect(stretching).rejects.toMatchObject({ code: 'input.invalid' });
  }
});

test.each(providers)('a data key comes back for its lock only, on $name', (provider) => {
  const storeKey = makeStoreKey(provider);
  const wrapped = wrapStoreKey(provider, lockOf(1), storeKey);
  expect(unwrapStoreKey(provider, lockOf(1), wrapped)).toEqual(storeKey);
  const { description } = lockOf(2);
  for (const lock of [lockOf(2), { ...lockOf(1), description }]) {
    expect(unwrapStoreKey(provider, lock, wrapped)).toBeUndefined();
  }
  const changed = wrapped.with(0, wrapped[0]! ^ 1);
  expect(unwrapStoreKey(provider, lockOf(1), changed)).toBeUndefined();
});

test.each(providers)('a record opens under its name and its key only, on $name', (provider) => {
  const keys = storeKeysOf(provider, new Uint8Array(32).fill(1));
  const others = storeKeysOf(provider, new Uint8Array(32).fill(2));
  const sealed = sealStoreRecord(provider, keys, { name: 'a', data });
  expect(openStoreRecord(provider, keys, { name: 'a', data: sealed })).toEqual(data);
  const wrong = [
    () => openStoreRecord(provider, keys, { name: 'b', data: sealed }),
    () => openStoreRecord(provider, others, { name: 'a', data: sealed }),
    () => openStoreRecord(provider, keys, { name: 'a', data: sealed.subarray(0, -1) }),
    () => openStoreRecord(provider, keys, { name: 'a', data: sealed.subarray(0, 3) }),
    () => openStoreRecord(provider, keys, { name: 'a', data: new Uint8Array() }),
  ];
  for (const open of wrong) {
    expect(open).toThrow(expect.objectContaining({ code: 'message.undecryptable' }));
  }
  expect(sealStoreRecord(provider, keys, { name: 'a', data })).not.toEqual(sealed);
});

test('stores on the disk stay readable: the bytes of names and records are fixed', () => {
  const provider = seededProvider(fastProvider, 'store');
  const keys = storeKeysOf(provider, new Uint8Array(32).fill(1));
  expect(hex(blindStoreName(provider, keys, 'peer'))).toBe('be136ef152b46d1e435731d7a4607ad5');
  expect(hex(sealStoreRecord(provider, keys, { name: 'a', data }))).toBe(
    'b3d19d8ae800e6f097d4e0260e256fa48b7a5c6fe912c7240f29636bf97d8f98f6df4157dc4ad8be',
  );
  expect(hex(wrapStoreKey(provider, lockOf(1), new Uint8Array(32)))).toBe(
    '42b1a697b1b2a1e610ce4ae2e7d97411a06baf9a6e1e83057d0f1295747dabdc6fcd3056173f93f401b213ab06f7c312e6b8e59e4c38df4501cb0b73e3cca8be',
  );
});
