import { expect, test } from 'vitest';
import { openDeviceName, sealDeviceName } from './device-name.ts';
import { makeSigningKeyPair } from './ed25519.ts';
import { fastProvider, providers } from './providers.fixture.ts';

const DEVICE = '018f0000-0000-7000-8000-00000000000d';
const OTHER_DEVICE = '018f0000-0000-7000-8000-00000000000e';
const { seed: identitySeed } = makeSigningKeyPair<'identity'>(fastProvider);
const input = { identitySeed, device: DEVICE };

test.each(providers)(
  'a name comes back for its device and its account only, on $name',
  (provider) => {
    const sealed = sealDeviceName(provider, input, 'Büro ☕');
    expect(openDeviceName(provider, input, sealed)).toBe('Büro ☕');
    expect(openDeviceName(provider, { ...input, device: OTHER_DEVICE }, sealed)).toBeUndefined();
    const { seed } = makeSigningKeyPair<'identity'>(provider);
    expect(openDeviceName(provider, { ...input, identitySeed: seed }, sealed)).toBeUndefined();
    expect(openDeviceName(provider, input, sealed.with(-1, sealed.at(-1)! ^ 1))).toBeUndefined();
    expect(openDeviceName(provider, input, sealed.subarray(1))).toBeUndefined();
  },
);

test('all names are equally long outside, and none is encrypted twice alike', () => {
  const [short, long] = ['a', 'a'.repeat(127)].map((name) =>
    sealDeviceName(fastProvider, input, name),
  );
  expect(short).toHaveLength(156);
  expect(long).toHaveLength(156);
  expect(openDeviceName(fastProvider, input, long!)).toHaveLength(127);
  expect(sealDeviceName(fastProvider, input, 'a')).not.toEqual(short);
});

test('a name that is empty or too long is refused', () => {
  for (const name of ['', 'a'.repeat(128), '☕'.repeat(43)]) {
    expect(() => sealDeviceName(fastProvider, input, name)).toThrow(
      expect.objectContaining({ code: 'input.invalid' }),
    );
  }
});

test('a name that WebCrypto encrypted by the description is read', async () => {
  const { subtle } = globalThis.crypto;
  const encoder = new TextEncoder();
  const material = await subtle.importKey('raw', identitySeed.slice(), 'HKDF', false, [
    'deriveKey',
  ]);
  const info = encoder.encode('sotto/v1/device-name');
  const derivation = { name: 'HKDF', hash: 'SHA-256', salt: new Uint8Array(), info };
  const cipher = { name: 'AES-GCM', length: 256 };
  const key = await subtle.deriveKey(derivation, material, cipher, false, ['encrypt']);
  const padded = new Uint8Array(128);
  padded.set([5, ...encoder.encode('phone')]);
  const iv = new Uint8Array(12).fill(7);
  const hex = DEVICE.replaceAll('-', '').match(/../g)!;
  const additionalData = Uint8Array.from(hex, (pair) => Number.parseInt(pair, 16));
  const sealed = await subtle.encrypt({ name: 'AES-GCM', iv, additionalData }, key, padded);
  const whole = Uint8Array.of(...iv, ...new Uint8Array(sealed));
  expect(openDeviceName(fastProvider, input, whole)).toBe('phone');
});
