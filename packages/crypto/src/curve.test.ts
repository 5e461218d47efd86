import { x25519 } from '@noble/curves/ed25519.js';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import bad from '../vectors/xdh-dr/x25519_bad_public_keys.json' with { type: 'json' };
import {
  agree,
  agreementKeyOf,
  agreementSecretOf,
  checkAgreementKey,
  checkTorsionFree,
  makeAgreementKeyPair,
} from './curve.ts';
import { makeSigningKeyPair, signingKeyPairOf } from './ed25519.ts';
import { fromHex, toHex } from './hex.fixture.ts';
import { agreementPublicKey, signingSeed, withCurveType } from './keys.ts';
import { fastProvider, providers } from './providers.fixture.ts';

const random32 = fc.uint8Array({ minLength: 32, maxLength: 32 });

describe.each(providers)('X25519 on the $name provider', (provider) => {
  const check = (hex: string) => {
    const key = checkAgreementKey<'base'>(fromHex(hex));
    checkTorsionFree(provider, key);
  };

  test('refuses every bad public key and takes the clean one', () => {
    for (const key of bad.low_order.slice(0, 5)) {
      expect(() => check(key), key).toThrow(expect.objectContaining({ code: 'key.low-order' }));
    }
    const malformed = [
      ...bad.low_order.slice(5), // p and p + 1: low order, and not canonical either.
      ...bad.low_order_high_bit_set,
      ...bad.non_canonical,
      bad.high_bit_set_same_key,
      ...bad.wrong_length,
    ];
    for (const key of malformed) {
      expect(() => check(key), key).toThrow(expect.objectContaining({ code: 'key.invalid' }));
    }
    for (const { public: key } of bad.torsioned_same_dh) {
      expect(() => check(key), key).toThrow(expect.objectContaining({ code: 'key.torsion' }));
    }
    expect(() => check(bad.clean_public)).not.toThrow();
  });

  test('takes every encoding below p, and none from p on', () => {
    for (const below of [
      `eb${'ff'.repeat(30)}7f`,
      `ff${'ff'.repeat(29)}fe7f`,
      `fffe${'ff'.repeat(29)}7f`,
    ]) {
      expect(toHex(checkAgreementKey(fromHex(below)))).toBe(below);
    }
    for (let low = 0xed; low <= 0xff; low++) {
      expect(() => check(`${low.toString(16)}${'ff'.repeat(30)}7f`)).toThrow(
        expect.objectContaining({ code: 'key.invalid' }),
      );
    }
  });

  test('takes every honest key and agrees on one secret from both sides', () => {
    fc.assert(
      fc.property(random32, random32, (ours, theirs) => {
        const seeded = { ...provider, randomBytes: () => ours };
        const a = makeAgreementKeyPair<'base'>(seeded);
        const b = makeAgreementKeyPair<'ratchet'>({ ...provider, randomBytes: () => theirs });
        check(toHex(a.publicKey));
        expect(agree(provider, a.secretKey, b.publicKey)).toEqual(
          agree(provider, b.secretKey, a.publicKey),
        );
      }),
      { numRuns: 30 },
    );
  });

  test('refuses points of the twist', () => {
    const onTwist = agreementPublicKey<'base'>(fromHex(`02${'00'.repeat(31)}`));
    expect(() => checkTorsionFree(provider, onTwist)).toThrow(
      expect.objectContaining({ code: 'key.torsion' }),
    );
  });

  test('turns one identity seed into the same Montgomery key on both ways', () => {
    const { seed, publicKey } = makeSigningKeyPair<'identity'>(provider);
    const secret = agreementSecretOf(provider, seed);
    expect(provider.x25519PublicKey(secret)).toEqual(agreementKeyOf(publicKey));
  });

  test('converts the seed of RFC 8032 test 1 to its published and its Montgomery form', () => {
    const seed = fromHex('9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60');
    const { publicKey } = signingKeyPairOf(provider, signingSeed<'identity'>(seed));
    expect(toHex(publicKey)).toBe(
      'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    );
    expect(toHex(withCurveType(agreementKeyOf(publicKey)))).toBe(
      '05d85e07ec22b0ad881537c2f44d662d1a143cf830c57aca4305d85c7a90f6b62e',
    );
  });
});

test('an agreement with a low-order key is refused even when it was not checked before', () => {
  const { secretKey } = makeAgreementKeyPair<'base'>(fastProvider);
  for (const key of bad.low_order) {
    const publicKey = agreementPublicKey<'base'>(fromHex(key));
    expect(() => agree(fastProvider, secretKey, publicKey)).toThrow(
      expect.objectContaining({ code: 'key.low-order' }),
    );
  }
});

test('an all-zero agreement is refused even if a provider lets it pass', () => {
  const lenient = { ...fastProvider, x25519: () => new Uint8Array(32) };
  const { secretKey, publicKey } = makeAgreementKeyPair<'base'>(fastProvider);
  expect(() => agree(lenient, secretKey, publicKey)).toThrow(
    expect.objectContaining({ code: 'key.low-order' }),
  );
});

test('the torsion-clearing scalar is 5L − 1, multiple of 8, and survives clamping', () => {
  const order = 2n ** 252n + 27742317777372353535851937790883648493n;
  const scalar = 5n * order - 1n;
  expect(scalar % 8n).toBe(0n);
  expect(scalar >> 254n).toBe(1n);
  const littleEndian = Uint8Array.from({ length: 32 }, (_, index) =>
    Number((scalar >> BigInt(8 * index)) & 0xffn),
  );
  const { publicKey } = makeAgreementKeyPair<'base'>(fastProvider);
  expect(x25519.getSharedSecret(littleEndian, publicKey)).toEqual(publicKey);
});
