/** Device lists: signing, every way a server can show a wrong one, and hostile bytes. */
import { describe, expect, test } from 'vitest';
import { concat } from './bytes.ts';
import { withCode } from './crypto-error.fixture.ts';
import {
  type DeviceEntry,
  decodeDeviceList,
  signDeviceList,
  verifyDeviceList,
} from './device-list.ts';
import { signStatement } from './ed25519.ts';
import { CryptoError } from './errors.ts';
import { checkDecoder } from './fuzz.fixture.ts';
import type { Head } from './head.ts';
import { aliceAddress, bobAddress, now } from './parties.fixture.ts';
import { makeIdentity } from './prekeys.ts';
import { fastProvider as provider, providers } from './providers.fixture.ts';

const day = 24 * 60 * 60 * 1000;
const identity = makeIdentity(provider);
const { user } = aliceAddress;
const entry = (device: string, fill = 1): DeviceEntry => ({
  device,
  deviceKey: new Uint8Array(32).fill(fill),
  registrationId: 16_383,
});
const phone = entry(aliceAddress.device, 1);
const laptop = entry(bobAddress.device, 2);

function sign(devices: readonly DeviceEntry[], previous?: Head, time = now) {
  return signDeviceList(provider, identity, { user, time, devices, previous });
}

function verify(encoded: Uint8Array, previous?: Head, at = now) {
  const { publicKey: identityKey } = identity;
  return verifyDeviceList(provider, encoded, { user, identityKey, previous, now: at });
}

test.each(providers)('a device list verifies with $name as it was signed', (each) => {
  const { encoded, head } = signDeviceList(each, identity, {
    user,
    time: now,
    devices: [laptop, phone],
    previous: undefined,
  });
  const { publicKey: identityKey } = identity;
  const verified = verifyDeviceList(each, encoded, { user, identityKey, previous: undefined, now });
  expect(verified.list).toEqual({
    user,
    version: 1,
    previousHash: new Uint8Array(32),
    time: now,
    devices: [phone, laptop],
  });
  expect(verified.head).toEqual(head);
  expect(verified.warning).toBeUndefined();
});

describe('a device list', () => {
  const first = sign([phone]);
  const second = sign([phone, laptop], first.head);
  const third = sign([phone], second.head);

  test('is taken again, and followed over one or several versions', () => {
    expect(verify(first.encoded, first.head).head).toEqual(first.head);
    expect(verify(second.encoded, first.head).list.version).toBe(2);
    expect(verify(third.encoded, first.head).list.version).toBe(3);
  });

  test('older than one already seen is a rollback', () => {
    expect(() => verify(first.encoded, second.head)).toThrow(withCode('head.rolled-back'));
  });

  test('of the same version with other devices is a fork, and so is what follows on it', () => {
    const fork = sign([laptop], first.head);
    expect(() => verify(fork.encoded, second.head)).toThrow(withCode('head.forked'));
    const following = sign([laptop], fork.head);
    expect(() => verify(following.encoded, second.head)).toThrow(withCode('head.forked'));
  });

  test('is warned about when it is older than 14 days or from the future', () => {
    expect(verify(first.encoded, undefined, now + 14 * day).warning).toBeUndefined();
    expect(verify(first.encoded, undefined, now + 14 * day + 1).warning).toBe('stale');
    expect(verify(first.encoded, undefined, now - day).warning).toBeUndefined();
    expect(verify(first.encoded, undefined, now - day - 1).warning).toBe('ahead');
  });

  test('of another identity or another account is refused', () => {
    const expected = { user, identityKey: identity.publicKey, previous: undefined, now };
    const wrong = [
      { ...expected, identityKey: makeIdentity(provider).publicKey },
      { ...expected, user: bobAddress.user },
    ];
    for (const expectation of wrong) {
      expect(() => verifyDeviceList(provider, first.encoded, expectation)).toThrow(
        withCode('signature.invalid'),
      );
    }
  });

  test('that the identity signed for another purpose is refused', () => {
    const message = first.encoded.subarray(0, -64);
    const signature = signStatement(provider, identity.seed, { purpose: 'signedPrekey', message });
    expect(() => verify(concat(message, signature))).toThrow(withCode('signature.invalid'));
  });

  test('with any bit changed is refused', () => {
    const { encoded } = second;
    for (let bit = 0; bit < encoded.length * 8; bit++) {
      const changed = encoded.with(bit >> 3, encoded[bit >> 3]! ^ (1 << (bit & 7)));
      expect(() => verify(changed, first.head)).toThrow(CryptoError);
    }
  });

  test('is not signed without devices, with seven, with one twice, or with values out of range', () => {
    const ids = Array.from({ length: 7 }, (_, index) =>
      aliceAddress.device.replace(/.$/, `${index}`),
    );
    expect(verify(sign(ids.slice(1).map((id) => entry(id))).encoded).list.devices).toHaveLength(6);
    const wrong: readonly (readonly DeviceEntry[])[] = [
      [],
      ids.map((id) => entry(id)),
      [phone, { ...laptop, device: phone.device }],
      [{ ...phone, registrationId: 0 }],
      [{ ...phone, registrationId: 16_384 }],
      [{ ...phone, deviceKey: new Uint8Array(31) }],
      [{ ...phone, device: 'phone' }],
    ];
    for (const devices of wrong) {
      expect(() => sign(devices), JSON.stringify(devices)).toThrow(withCode('input.invalid'));
    }
    expect(() => sign([phone], { version: 2 ** 32 - 1, hash: first.head.hash })).toThrow(
      withCode('input.invalid'),
    );
    expect(() => sign([phone], undefined, -1)).toThrow(withCode('input.invalid'));
  });

  test('in an encoding that no signer writes is refused before its signature is looked at', () => {
    const { encoded } = second;
    const countAt = 1 + 16 + 4 + 32 + 8;
    const entryBytes = 16 + 32 + 2;
    const at = countAt + 1;
    const swapped = concat(
      encoded.subarray(0, at),
      encoded.subarray(at + entryBytes, at + 2 * entryBytes),
      encoded.subarray(at, at + entryBytes),
      encoded.subarray(-64),
    );
    const inputs = [
      swapped,
      encoded.with(1 + 16 + 3, 0), // version 0
      encoded.with(1 + 16 + 3, 1), // version 1 with a hash before it
      first.encoded.with(1 + 16 + 3, 2), // version 2 without one
      concat(first.encoded.with(countAt, 0).subarray(0, at), first.encoded.subarray(-64)),
      encoded.with(countAt, 7),
      encoded.subarray(0, -1),
      concat(encoded, new Uint8Array(1)),
    ];
    for (const input of inputs) {
      expect(() => decodeDeviceList(input)).toThrow(withCode('encoding.invalid'));
    }
    expect(() => decodeDeviceList(encoded.with(0, 2))).toThrow(withCode('encoding.unsupported'));
  });

  test('comes back from any bytes as it was, or a typed error does', () => {
    const roundTrip = (bytes: Uint8Array) => {
      const { list, signature } = decodeDeviceList(bytes);
      const { previousHash: hash, version } = list;
      const previous = version === 1 ? undefined : { version: version - 1, hash };
      const { encoded } = signDeviceList({ ...provider, ed25519Sign: () => signature }, identity, {
        ...list,
        previous,
      });
      return encoded;
    };
    checkDecoder({ name: 'device lists', samples: [first.encoded, second.encoded], roundTrip });
  }, 600_000);
});
