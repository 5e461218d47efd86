import { describe, expect, test } from 'vitest';
import cctv from '../vectors/ed25519-edge/cctv_ed25519vectors.json' with { type: 'json' };
import speccheck from '../vectors/ed25519-edge/speccheck_cases.json' with { type: 'json' };
import rfc from '../vectors/rfc/rfc_vectors.json' with { type: 'json' };
import wycheproof from '../vectors/wycheproof/ed25519_test.json' with { type: 'json' };
import { concat, utf8 } from './bytes.ts';
import {
  checkVerifyingKey,
  makeSigningKeyPair,
  signingKeyPairOf,
  signStatement,
  verifySignature,
  verifyStatement,
} from './ed25519.ts';
import { fromHex, toHex } from './hex.fixture.ts';
import { SIGNATURE_LABELS, type SignaturePurpose } from './kdf.ts';
import { signingSeed, verifyingKey } from './keys.ts';
import { providers } from './providers.fixture.ts';

/** What an honest signer never produces and two verifiers would judge differently. */
const refusedFlags = [
  'low_order_A',
  'low_order_R',
  'non_canonical_A',
  'non_canonical_R',
  'low_order_residue',
];

/** Node's Buffer in this respect: `slice` is a view. */
class LikeBuffer extends Uint8Array<ArrayBuffer> {
  override slice(start?: number, end?: number) {
    return this.subarray(start, end);
  }
}

describe.each(providers)('Ed25519 on the $name provider', (provider) => {
  test('leaves keys and signatures as they were, also those in a Buffer, whose slice is a view', () => {
    for (let turn = 0; turn < 8; turn++) {
      const pair = makeSigningKeyPair<'identity'>(provider);
      const statement = { purpose: 'deviceList', message: utf8(String(turn)) } as const;
      const signature = LikeBuffer.from(signStatement(provider, pair.seed, statement));
      const publicKey = verifyingKey<'identity'>(LikeBuffer.from(pair.publicKey));
      const before = [toHex(signature), toHex(publicKey)];
      checkVerifyingKey(provider, publicKey);
      expect(verifyStatement(provider, publicKey, { ...statement, signature })).toBe(true);
      expect([toHex(signature), toHex(publicKey)]).toEqual(before);
    }
  });

  test('signs and verifies the examples of RFC 8032', () => {
    for (const { seed, public: publicKey, message, signature } of rfc.rfc8032) {
      const pair = signingKeyPairOf(provider, signingSeed<'device'>(fromHex(seed)));
      expect(toHex(pair.publicKey)).toBe(publicKey);
      expect(toHex(provider.ed25519Sign(pair.seed, fromHex(message)))).toBe(signature);
      const signed = {
        publicKey: pair.publicKey,
        message: fromHex(message),
        signature: fromHex(signature),
      };
      expect(verifySignature(provider, signed)).toBe(true);
    }
  });

  test('judges all Wycheproof signatures as they say', () => {
    let seen = 0;
    for (const group of wycheproof.testGroups) {
      for (const { msg, sig, result } of group.tests) {
        seen += 1;
        const signed = {
          publicKey: fromHex(group.publicKey.pk),
          message: fromHex(msg),
          signature: fromHex(sig),
        };
        expect(verifySignature(provider, signed)).toBe(result === 'valid');
      }
    }
    expect(seen).toBe(151);
  });

  test('accepts of the 914 CCTV cases only those that every strict verifier accepts', () => {
    expect(cctv).toHaveLength(914);
    for (const { key, sig, msg, flags } of cctv) {
      const expected = !(flags ?? []).some((flag) => refusedFlags.includes(flag));
      const signed = { publicKey: fromHex(key), message: utf8(msg), signature: fromHex(sig) };
      expect(verifySignature(provider, signed), `${flags}`).toBe(expected);
    }
  });

  test('accepts of the 12 speccheck cases only the one with nothing but mixed orders', () => {
    const accepted = speccheck.map(({ message, pub_key, signature }) =>
      verifySignature(provider, {
        publicKey: fromHex(pub_key),
        message: fromHex(message),
        signature: fromHex(signature),
      }),
    );
    expect(accepted).toEqual([...Array(12).keys()].map((number) => number === 3));
  });

  test('refuses to publish or pin a key of low or mixed order, and takes honest ones', () => {
    const bad = new Set(
      cctv.filter(({ flags }) => flags?.some((flag) => flag.endsWith('_A'))).map(({ key }) => key),
    );
    expect(bad.size).toBeGreaterThan(14);
    for (const key of bad) {
      expect(() => checkVerifyingKey(provider, fromHex(key)), key).toThrow(/key/);
    }
    const honest = makeSigningKeyPair<'identity'>(provider).publicKey;
    expect(checkVerifyingKey(provider, honest)).toBe(honest);
    expect(() => checkVerifyingKey(provider, honest.slice(1))).toThrow(/32 bytes/);
  });

  test('refuses all nineteen y from p on, with either sign', () => {
    for (let low = 0xed; low <= 0xff; low++) {
      for (const top of ['7f', 'ff']) {
        const key = fromHex(`${low.toString(16)}${'ff'.repeat(30)}${top}`);
        expect(() => checkVerifyingKey(provider, key)).toThrow(
          expect.objectContaining({ code: 'key.invalid' }),
        );
      }
    }
  });

  test('refuses a y that belongs to no point, the neutral one, and wrong lengths by name', () => {
    const notOnCurve = `02${'00'.repeat(31)}`;
    for (const [hex, code] of [
      [notOnCurve, 'key.torsion'],
      [`01${'00'.repeat(31)}`, 'key.low-order'],
      ['02'.repeat(31), 'key.invalid'],
    ] as const) {
      expect(() => checkVerifyingKey(provider, fromHex(hex))).toThrow(
        expect.objectContaining({ code }),
      );
    }
  });

  test('judges the points of a signature whatever the equation says', () => {
    const lenient = { ...provider, ed25519VerifyEquation: () => true };
    const honest = makeSigningKeyPair<'identity'>(provider).publicKey;
    const judge = (publicKey: Uint8Array, r: Uint8Array) => {
      const signature = concat(r, new Uint8Array(32));
      return verifySignature(lenient, { publicKey, message: new Uint8Array(), signature });
    };
    // p − 2 and p − 3 · 2⁸ are the canonical ones with the most bits set.
    const canonical = [
      `eb${'ff'.repeat(30)}7f`,
      `fffd${'ff'.repeat(29)}7f`,
      `ff${'ff'.repeat(30)}7e`,
    ];
    const refused = [`ed${'ff'.repeat(30)}7f`, `ff${'ff'.repeat(30)}ff`, `ec${'ff'.repeat(30)}ff`];
    for (const [points, verdict] of [
      [canonical, true],
      [refused, false],
    ] as const) {
      for (const point of points.map(fromHex)) {
        expect(judge(point, honest), toHex(point)).toBe(verdict);
        expect(judge(honest, point), toHex(point)).toBe(verdict);
      }
    }
  });

  test('never takes a signature for one purpose as one for another', () => {
    const pair = makeSigningKeyPair<'identity'>(provider);
    const message = utf8('hello');
    const purposes = Object.keys(SIGNATURE_LABELS) as SignaturePurpose[];
    const signature = signStatement(provider, pair.seed, { purpose: 'deviceList', message });
    for (const purpose of purposes) {
      expect(verifyStatement(provider, pair.publicKey, { purpose, message, signature })).toBe(
        purpose === 'deviceList',
      );
    }
  });

  test('judges wrong lengths as bad signatures, not as errors', () => {
    const pair = makeSigningKeyPair<'device'>(provider);
    const message = utf8('hello');
    const signature = provider.ed25519Sign(pair.seed, message);
    const { publicKey } = pair;
    expect(verifySignature(provider, { publicKey, message, signature })).toBe(true);
    expect(verifySignature(provider, { publicKey, message, signature: signature.slice(1) })).toBe(
      false,
    );
    expect(verifySignature(provider, { publicKey: publicKey.slice(1), message, signature })).toBe(
      false,
    );
  });
});
