import { describe, expect, test } from 'vitest';
import bad from '../vectors/xdh-dr/x25519_bad_public_keys.json' with { type: 'json' };
import { makeSigningKeyPair } from './ed25519.ts';
import { fromHex } from './hex.fixture.ts';
import { aliceAddress, bundleOf, makeParty } from './parties.fixture.ts';
import {
  makeOneTimePrekeys,
  makeRegistrationId,
  makeSignedPrekey,
  type PrekeyBundle,
  verifyBundle,
} from './prekeys.ts';
import { fastProvider as provider } from './providers.fixture.ts';

const party = makeParty(provider, aliceAddress);
const good = bundleOf(party);
const verify = (change: Partial<PrekeyBundle>) => verifyBundle(provider, { ...good, ...change });
const signed = good.signedPrekey;

describe('a bundle', () => {
  test('with sound keys and a good signature is verified, with and without one-time prekey', () => {
    expect(verify({}).oneTimePrekey?.id).toBe(100);
    expect(verify({ oneTimePrekey: undefined }).oneTimePrekey).toBeUndefined();
    expect(verify({}).suites).toEqual([1]);
  });

  test('is refused when anything under the signature changed', () => {
    const other = makeParty(provider, aliceAddress);
    const changes: Partial<PrekeyBundle>[] = [
      { identityKey: other.local.identity.publicKey },
      { signedPrekey: { ...signed, id: signed.id + 1 } },
      { signedPrekey: { ...signed, publicKey: other.signedPrekey.keyPair.publicKey } },
      { signedPrekey: { ...signed, suites: [1, 2] } },
      { signedPrekey: { ...signed, signature: signed.signature.slice(0, 63) } },
    ];
    for (const change of changes) {
      expect(() => verify(change)).toThrow(expect.objectContaining({ code: 'signature.invalid' }));
    }
  });

  test('loses no suite unseen: the signature covers the list', () => {
    const prekey = makeSignedPrekey(provider, party.local.identity, { id: 9, suites: [1, 2] });
    const { id, signature } = prekey;
    const { publicKey } = prekey.keyPair;
    expect(verify({ signedPrekey: { id, publicKey, signature, suites: [1, 2] } }).suites).toEqual([
      1, 2,
    ]);
    expect(() => verify({ signedPrekey: { id, publicKey, signature, suites: [1] } })).toThrow(
      expect.objectContaining({ code: 'signature.invalid' }),
    );
  });

  test('is refused with any bad X25519 key, as signed and as one-time prekey', () => {
    const keys = [
      ...bad.low_order,
      ...bad.low_order_high_bit_set,
      ...bad.non_canonical,
      bad.high_bit_set_same_key,
      ...bad.torsioned_same_dh.map(({ public: key }) => key),
      ...bad.wrong_length,
    ];
    for (const key of keys) {
      const publicKey = fromHex(key);
      expect(() => verify({ oneTimePrekey: { id: 1, publicKey } }), key).toThrow(
        expect.objectContaining({ code: expect.stringMatching(/^key\./) }),
      );
      expect(() => verify({ signedPrekey: { ...signed, publicKey } }), key).toThrow(
        expect.objectContaining({ code: expect.stringMatching(/^key\./) }),
      );
    }
  });

  test('is refused with ids or suites out of range', () => {
    const { publicKey } = good.oneTimePrekey!;
    const changes: Partial<PrekeyBundle>[] = [
      { registrationId: 0 },
      { registrationId: 0x4000 },
      { registrationId: 1.5 },
      { oneTimePrekey: { id: 0, publicKey } },
      { oneTimePrekey: { id: 2 ** 32, publicKey } },
      { signedPrekey: { ...signed, id: 0 } },
      ...[[], [1, 1], [2, 1], [0], [256], [1.5], [1, 2, 3, 4, 5, 6, 7, 8, 9]].map((suites) => ({
        signedPrekey: { ...signed, suites },
      })),
    ];
    for (const change of changes) {
      expect(() => verify(change)).toThrow(expect.objectContaining({ code: 'encoding.invalid' }));
    }
  });
});

test('a signed prekey may have the last id and any eight suites', () => {
  const { identity } = party.local;
  const suites = [1, 2, 3, 4, 5, 6, 7, 255];
  const { keyPair, ...made } = makeSignedPrekey(provider, identity, { id: 2 ** 32 - 1, suites });
  const signedPrekey = { ...made, publicKey: keyPair.publicKey };
  expect(verify({ signedPrekey, registrationId: 0x3fff }).suites).toEqual(suites);
});

describe('making prekeys', () => {
  test('numbers one-time prekeys from the given id', () => {
    const made = makeOneTimePrekeys(provider, { firstId: 2 ** 32 - 3, count: 3 });
    expect(made.map(({ id }) => id)).toEqual([2 ** 32 - 3, 2 ** 32 - 2, 2 ** 32 - 1]);
  });

  test('refuses ids, counts and suites out of range', () => {
    const { identity } = party.local;
    const attempts = [
      () => makeOneTimePrekeys(provider, { firstId: 2 ** 32 - 2, count: 3 }),
      () => makeOneTimePrekeys(provider, { firstId: 0, count: 3 }),
      () => makeOneTimePrekeys(provider, { firstId: 1, count: 101 }),
      () => makeOneTimePrekeys(provider, { firstId: 1, count: 0 }),
      () => makeSignedPrekey(provider, identity, { id: 0, suites: [1] }),
      () => makeSignedPrekey(provider, identity, { id: 1, suites: [] }),
      () => makeSignedPrekey(provider, identity, { id: 1, suites: [2, 1] }),
    ];
    for (const attempt of attempts) {
      expect(attempt).toThrow(expect.objectContaining({ code: 'input.invalid' }));
    }
  });

  test('draws registration ids of 14 bits that are not zero', () => {
    const draws = [Uint8Array.of(0x40, 0x00), Uint8Array.of(0xff, 0xff)];
    const scripted = { ...provider, randomBytes: () => draws.shift()! };
    expect(makeRegistrationId(scripted)).toBe(0x3fff);
  });

  test('a prekey signed by another key is refused', () => {
    const other = makeSigningKeyPair<'identity'>(provider);
    const prekey = makeSignedPrekey(provider, other, { id: 1, suites: [1] });
    const { id, suites, signature } = prekey;
    const { publicKey } = prekey.keyPair;
    expect(() => verify({ signedPrekey: { id, suites, signature, publicKey } })).toThrow(
      expect.objectContaining({ code: 'signature.invalid' }),
    );
  });
});
