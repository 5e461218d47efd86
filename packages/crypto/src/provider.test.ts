/** Outside vectors over every provider, and each provider against the other. */
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import rfc from '../vectors/rfc/rfc_vectors.json' with { type: 'json' };
import gcmVectors from '../vectors/wycheproof/aes_gcm_test.json' with { type: 'json' };
import hkdfVectors from '../vectors/wycheproof/hkdf_sha256_test.json' with { type: 'json' };
import hmacVectors from '../vectors/wycheproof/hmac_sha256_test.json' with { type: 'json' };
import x25519Vectors from '../vectors/wycheproof/x25519_test.json' with { type: 'json' };
import { utf8 } from './bytes.ts';
import { withCode } from './crypto-error.fixture.ts';
import { fromHex, toHex } from './hex.fixture.ts';
import { providers } from './providers.fixture.ts';

describe.each(providers)('the $name provider', (provider) => {
  test('computes all Wycheproof X25519 secrets and refuses the all-zero ones', () => {
    const cases = x25519Vectors.testGroups.flatMap((group) => group.tests);
    expect(cases).toHaveLength(518);
    for (const { private: secret, public: key, shared, flags } of cases) {
      const compute = () => toHex(provider.x25519(fromHex(secret), fromHex(key)));
      if (flags.includes('ZeroSharedSecret')) expect(compute).toThrow(withCode('key.low-order'));
      else expect(compute()).toBe(shared);
    }
  });

  test('seals and opens into an array that it is given, and leaves it alone when the tag is wrong', () => {
    for (const length of [0, 1, 16_384]) {
      const data = provider.randomBytes(length);
      const key = provider.randomBytes(32);
      const fixed = { key, nonce: new Uint8Array(12), associatedData: utf8('of a chunk') };
      const sealed = new Uint8Array(length + 16);
      expect(provider.aesGcmSeal({ ...fixed, data, into: sealed })).toBe(sealed);
      expect(sealed).toEqual(provider.aesGcmSeal({ ...fixed, data }));
      const opened = new Uint8Array(length);
      expect(provider.aesGcmOpen({ ...fixed, data: sealed, into: opened })).toBe(opened);
      expect(opened).toEqual(data);
      sealed[0]! ^= 1;
      const untouched = new Uint8Array(length);
      const refused = { ...fixed, data: sealed, into: untouched };
      expect(provider.aesGcmOpen(refused)).toBeUndefined();
      expect(untouched).toEqual(new Uint8Array(length));
    }
  });

  test('computes the scalar multiplications, the iteration and the agreement of RFC 7748', () => {
    const { x25519, iterated, dh } = rfc.rfc7748;
    for (const { scalar, u, out } of x25519) {
      expect(toHex(provider.x25519(fromHex(scalar), fromHex(u)))).toBe(out);
    }
    let k = fromHex(iterated.start);
    let u = k;
    for (let round = 1; round <= 1000; round++) {
      [k, u] = [provider.x25519(k, u), k];
      if (round === 1) expect(toHex(k)).toBe(iterated.after_1);
    }
    expect(toHex(k)).toBe(iterated.after_1000);
    expect(toHex(provider.x25519PublicKey(fromHex(dh.alice_private)))).toBe(dh.alice_public);
    expect(toHex(provider.x25519PublicKey(fromHex(dh.bob_private)))).toBe(dh.bob_public);
    expect(toHex(provider.x25519(fromHex(dh.alice_private), fromHex(dh.bob_public)))).toBe(
      dh.shared,
    );
  });

  test('opens and seals all Wycheproof AES-256-GCM cases with 96-bit nonces', () => {
    const cases = gcmVectors.testGroups
      .filter((group) => group.keySize === 256 && group.ivSize === 96)
      .flatMap((group) => group.tests);
    expect(cases.length).toBeGreaterThan(60);
    for (const { key, iv, aad, msg, ct, tag, result } of cases) {
      const fixed = { key: fromHex(key), nonce: fromHex(iv), associatedData: fromHex(aad) };
      const opened = provider.aesGcmOpen({ ...fixed, data: fromHex(ct + tag) });
      expect(opened && toHex(opened)).toBe(result === 'valid' ? msg : undefined);
      if (result === 'valid') {
        expect(toHex(provider.aesGcmSeal({ ...fixed, data: fromHex(msg) }))).toBe(ct + tag);
      }
    }
  });

  test('refuses a ciphertext that is shorter than a tag', () => {
    const input = { key: new Uint8Array(32), nonce: new Uint8Array(12), data: new Uint8Array(15) };
    expect(provider.aesGcmOpen({ ...input, associatedData: new Uint8Array() })).toBeUndefined();
  });

  test('derives all Wycheproof and RFC 5869 HKDF outputs and refuses too long ones', () => {
    const cases = hkdfVectors.testGroups.flatMap((group) => group.tests);
    expect(cases).toHaveLength(86);
    for (const { ikm, salt, info, size, okm, result } of cases) {
      const input = { keyMaterial: fromHex(ikm), salt: fromHex(salt), info: fromHex(info) };
      const derive = () => toHex(provider.hkdfSha256({ ...input, length: size }));
      if (result === 'valid') expect(derive()).toBe(okm);
      else expect(derive).toThrow(withCode('input.invalid'));
    }
    for (const { ikm, salt, info, length, okm } of rfc.rfc5869_sha256) {
      const input = { keyMaterial: fromHex(ikm), salt: fromHex(salt), info: fromHex(info) };
      expect(toHex(provider.hkdfSha256({ ...input, length }))).toBe(okm);
    }
  });

  test('authenticates all Wycheproof HMAC cases', () => {
    for (const group of hmacVectors.testGroups) {
      for (const { key, msg, tag, result } of group.tests) {
        const computed = toHex(provider.hmacSha256(fromHex(key), fromHex(msg)));
        expect(computed.slice(0, group.tagSize / 4) === tag).toBe(result === 'valid');
      }
    }
  });

  test('finds no signature good under a key that is no point', () => {
    const publicKey = fromHex(`02${'00'.repeat(31)}`);
    const signed = { publicKey, message: utf8('abc'), signature: new Uint8Array(64) };
    expect(provider.ed25519VerifyEquation(signed)).toBe(false);
  });

  test('hashes what comes in parts as it hashes it whole, and says so at any point', () => {
    const parts = fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 5 });
    const property = fc.property(parts, (pieces) => {
      const hash = provider.startSha256();
      for (const [index, piece] of pieces.entries()) {
        hash.update(piece);
        const whole = Uint8Array.from(pieces.slice(0, index + 1).flatMap((bytes) => [...bytes]));
        expect(hash.digest()).toEqual(provider.sha256(whole));
      }
    });
    fc.assert(property, { numRuns: 50 });
  });

  test('hashes as FIPS 180-4 says', () => {
    expect(toHex(provider.sha256(utf8('abc')))).toBe(
      'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    );
    expect(toHex(provider.sha512(utf8('abc')))).toBe(
      'ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a' +
        '2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f',
    );
  });

  test('gives new random bytes of the asked length each time', () => {
    expect(provider.randomBytes(33)).toHaveLength(33);
    expect(toHex(provider.randomBytes(32))).not.toBe(toHex(provider.randomBytes(32)));
  });
});

test('all providers agree on random input', () => {
  const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
  const data = fc.uint8Array({ maxLength: 300 });
  fc.assert(
    fc.property(bytes(32), bytes(32), data, data, (key, seed, message, other) => {
      const results = providers.map((provider) => {
        const associatedData = other;
        const sealed = provider.aesGcmSeal({
          key,
          nonce: seed.slice(0, 12),
          associatedData,
          data: message,
        });
        const publicKey = provider.ed25519PublicKey(seed);
        const signature = provider.ed25519Sign(seed, message);
        return [
          sealed,
          publicKey,
          signature,
          Uint8Array.of(Number(provider.ed25519VerifyEquation({ publicKey, message, signature }))),
          provider.x25519(key, provider.x25519PublicKey(seed)),
          provider.hkdfSha256({ keyMaterial: key, salt: message, info: other, length: 77 }),
          provider.hmacSha256(other, message),
          provider.sha256(message),
          provider.sha512(message),
        ].map(toHex);
      });
      for (const result of results) expect(result).toEqual(results[0]);
      expect(results[0]?.[3]).toBe('01');
    }),
    { numRuns: 60 },
  );
});
