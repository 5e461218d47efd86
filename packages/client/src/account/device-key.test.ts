import { webcrypto } from 'node:crypto';
import { nobleProvider } from '@sotto/crypto';
import { nodeProvider } from '@sotto/crypto/node';
import { expect, test } from 'vitest';
import { keys } from '../store/key-space.ts';
import { openMemoryStore } from '../store/store-memory.ts';
import { loadDeviceKey } from './device-key.ts';

test('a store has one device key, whoever asks first and however often', async () => {
  const store = openMemoryStore();
  const [first, second] = await Promise.all([
    loadDeviceKey(store, nodeProvider),
    loadDeviceKey(store, nobleProvider),
  ]);
  expect(second.publicKey).toEqual(first.publicKey);
  const elsewhere = await loadDeviceKey(openMemoryStore(), nodeProvider);
  expect(elsewhere.publicKey).not.toEqual(first.publicKey);
});

test('what it signs verifies with WebCrypto under its public key', async () => {
  const key = await loadDeviceKey(openMemoryStore(), nodeProvider);
  const bytes = nodeProvider.randomBytes(100);
  const signature = await key.sign(bytes);
  const { subtle } = webcrypto;
  const publicKey = await subtle.importKey('raw', key.publicKey.slice(), 'Ed25519', false, [
    'verify',
  ]);
  expect(await subtle.verify('Ed25519', publicKey, signature.slice(), bytes.slice())).toBe(true);
  bytes[0]! ^= 1;
  expect(await subtle.verify('Ed25519', publicKey, signature.slice(), bytes.slice())).toBe(false);
});

test('a damaged record is never replaced by a new key', async () => {
  const store = openMemoryStore();
  await store.transaction((transaction) => transaction.put(keys.deviceKey, new Uint8Array(3)));
  await expect(loadDeviceKey(store, nodeProvider)).rejects.toMatchObject({ code: 'store.invalid' });
});
