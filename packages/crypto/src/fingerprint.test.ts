/** Safety numbers against libsignal's own, comparing, and hostile codes. */
import { describe, expect, test } from 'vitest';
import libsignal from '../vectors/libsignal/safety_numbers.json' with { type: 'json' };
import { decodeUuid } from './address.ts';
import { concat } from './bytes.ts';
import { withCode } from './crypto-error.fixture.ts';
import { matchesScanned, safetyNumber } from './fingerprint.ts';
import { checkDecoder } from './fuzz.fixture.ts';
import { fromHex, toHex } from './hex.fixture.ts';
import { verifyingKey } from './keys.ts';
import { aliceAddress, bobAddress } from './parties.fixture.ts';
import { makeIdentity } from './prekeys.ts';
import { fastProvider as provider, providers } from './providers.fixture.ts';

test.each(providers)('safety numbers with $name are libsignal’s', (each) => {
  expect(libsignal.cases).toHaveLength(8);
  for (const { local, remote, digits, scannable } of libsignal.cases) {
    const number = safetyNumber(each, { local: party(local), remote: party(remote) });
    expect(number.digits).toBe(digits);
    expect(toHex(number.scannable)).toBe(scannable);
  }
});

describe('a safety number', () => {
  const alice = { user: aliceAddress.user, identityKey: makeIdentity(provider).publicKey };
  const bob = { user: bobAddress.user, identityKey: makeIdentity(provider).publicKey };
  const atAlice = safetyNumber(provider, { local: alice, remote: bob });
  const atBob = safetyNumber(provider, { local: bob, remote: alice });

  test('has the same 60 digits on both sides, and codes that match each other', () => {
    expect(atAlice.digits).toMatch(/^\d{60}$/);
    expect(atBob.digits).toBe(atAlice.digits);
    expect(matchesScanned(atAlice.scannable, atBob.scannable)).toBe(true);
    expect(matchesScanned(atBob.scannable, atAlice.scannable)).toBe(true);
  });

  test('does not match its own side', () => {
    expect(matchesScanned(atAlice.scannable, atAlice.scannable)).toBe(false);
  });

  test('is another for another key or account, and does not match in either half', () => {
    const mallory = { ...bob, identityKey: makeIdentity(provider).publicKey };
    for (const changed of [mallory, { ...bob, user: alice.user }]) {
      const number = safetyNumber(provider, { local: alice, remote: changed });
      expect(number.digits).not.toBe(atAlice.digits);
      expect(matchesScanned(number.scannable, atBob.scannable)).toBe(false);
      expect(matchesScanned(atBob.scannable, number.scannable)).toBe(false);
    }
  });

  test('is not made of what is no user or no key', () => {
    const wrongUser = { ...bob, user: 'bob' };
    expect(() => safetyNumber(provider, { local: alice, remote: wrongUser })).toThrow(
      withCode('input.invalid'),
    );
    const wrongKey = {
      ...bob,
      identityKey: verifyingKey<'identity'>(new Uint8Array(32).fill(0xff)),
    };
    expect(() => safetyNumber(provider, { local: alice, remote: wrongKey })).toThrow(
      withCode('key.invalid'),
    );
  });

  test('in a code of another version or form is refused', () => {
    const code = atBob.scannable;
    const match = (scanned: Uint8Array) => () => matchesScanned(atAlice.scannable, scanned);
    expect(match(code.with(1, 3))).toThrow(withCode('encoding.unsupported'));
    for (const at of [0, 2, 3, 4, 5, 38, 39, 40, 41]) {
      expect(match(code.with(at, 0))).toThrow(withCode('encoding.invalid'));
    }
    expect(match(code.subarray(0, -1))).toThrow(withCode('encoding.invalid'));
    expect(match(concat(code, new Uint8Array(1)))).toThrow(withCode('encoding.invalid'));
  });

  test('compares with any bytes, or throws a typed error', () => {
    const roundTrip = (bytes: Uint8Array) => {
      matchesScanned(atAlice.scannable, bytes);
      return bytes;
    };
    checkDecoder({ name: 'safety numbers', samples: [atBob.scannable], roundTrip });
  }, 600_000);
});

function party({ user, identity_key }: { user: string; identity_key: string }) {
  return {
    user: decodeUuid(fromHex(user)),
    identityKey: verifyingKey<'identity'>(fromHex(identity_key)),
  };
}
