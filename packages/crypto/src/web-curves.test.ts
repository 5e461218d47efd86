/** The engine's curves when the engine fails: it has no memory, or its thread has ended. */
import { expect, test } from 'vitest';
import bad from '../vectors/xdh-dr/x25519_bad_public_keys.json' with { type: 'json' };
import { withCode } from './crypto-error.fixture.ts';
import { fromHex } from './hex.fixture.ts';
import { fastProvider } from './providers.fixture.ts';
import { findElsewhere } from './web-curves.ts';

const METHODS = ['importKey', 'deriveBits', 'verify'] as const;
type Method = (typeof METHODS)[number];

const message = new Uint8Array([1, 2, 3]);
const seed = fastProvider.randomBytes(32);
const signed = {
  publicKey: fastProvider.ed25519PublicKey(seed),
  message,
  signature: fastProvider.ed25519Sign(seed, message),
};

test.each(METHODS)('a failing %s changes no outcome', async (method) => {
  const { curves, failing } = await openEngine();
  const [ours, theirs] = [fastProvider.randomBytes(32), fastProvider.randomBytes(32)];
  const publicKey = fastProvider.x25519PublicKey(theirs);
  failing.add(method);
  expect(await curves.x25519PublicKey(theirs)).toEqual(publicKey);
  expect(await curves.x25519(ours, publicKey)).toEqual(fastProvider.x25519(ours, publicKey));
  expect(await curves.ed25519VerifyEquation(signed)).toBe(true);
  const forged = { ...signed, message: new Uint8Array([3, 2, 1]) };
  expect(await curves.ed25519VerifyEquation(forged)).toBe(false);
  const lowOrder = fromHex(bad.low_order[0]!);
  await expect(curves.x25519(ours, lowOrder)).rejects.toThrow(withCode('key.low-order'));
});

test('a key that could not be prepared is prepared anew, and one that was is not', async () => {
  const { curves, failing, called } = await openEngine();
  const [ours, publicKey] = [fastProvider.randomBytes(32), fastProvider.x25519PublicKey(seed)];
  failing.add('importKey');
  await curves.x25519(ours, publicKey);
  failing.clear();
  called.length = 0;
  await curves.x25519(ours, publicKey);
  await curves.x25519(ours, publicKey);
  expect(called).toEqual(['importKey', 'importKey', 'deriveBits', 'deriveBits']);
});

/** The curves of this engine, whose methods fail when they are told to. */
async function openEngine() {
  const failing = new Set<Method>();
  const called: Method[] = [];
  const { subtle } = globalThis.crypto;
  const engine = new Proxy(subtle, {
    get(_, name) {
      const method = METHODS.find((known) => known === name) ?? expect.fail(String(name));
      return async (...args: unknown[]) => {
        called.push(method);
        if (failing.has(method)) throw new DOMException('no memory', 'OperationError');
        return Reflect.apply(subtle[method], subtle, args);
      };
    },
  });
  const curves = (await findElsewhere(engine)) ?? expect.fail('the engine has no curves');
  return { curves, failing, called };
}
